// Properties: tensors of every dtype, shape and stride come back bit for bit, and those that
// nothing computes with are carried; a file that breaks the format in any way throws a FileError,
// each rule with its exact sentence, and never reads a byte outside the file.
#include "rotary/io/safetensors.h"

#include <cstring>
#include <iostream>

#include "gtest/gtest.h"
#include "rotary/io/test_damage.h"
#include "rotary/io/test_folder.h"

namespace rotary {
namespace {

std::string LittleEndian64(uint64_t value) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>((value >> (8 * i)) & 0xff);
  return bytes;
}

// A file as anybody might write it: header text as it is, then data.
std::string FileOf(std::string_view header, std::string_view data) {
  return LittleEndian64(header.size()) + std::string(header) + std::string(data);
}

std::string BytesOf(const ConstTensorView& view) {
  return {static_cast<const char*>(view.data()),
          static_cast<size_t>(view.count()) * SizeOf(view.dtype())};
}

Tensor Counting(DType dtype, Dims shape) {
  Tensor tensor(dtype, shape);
  for (size_t i = 0; i < tensor.bytes(); ++i) tensor.raw()[i] = static_cast<std::byte>(i * 7 + 1);
  return tensor;
}

TEST(SafetensorsTest, EveryDtypeComesBackAlignedAndInOrder) {
  const TestFolder folder;
  const Tensor f64 = Counting(DType::kF64, {3}), f32 = Counting(DType::kF32, {2, 3, 1, 2, 1});
  const Tensor bf16 = Counting(DType::kBF16, {5}), f16 = Counting(DType::kF16, {1, 1}),
               i64 = Counting(DType::kI64, {2});
  const Tensor i32 = Counting(DType::kI32, {7}), u8 = Counting(DType::kU8, {3}),
               scalar = Counting(DType::kF32, {});
  const Tensor empty = Counting(DType::kF32, {0, 4});
  const std::vector<NamedTensor> tensors = {
      {"u8", u8.view()},     {"f64", f64.view()}, {"f32", f32.view()},
      {"bf16", bf16.view()}, {"f16", f16.view()}, {"i64", i64.view()},
      {"i32", i32.view()},   {"", scalar.view()}, {"größe", empty.view()}};
  WriteSafetensors(folder / "a", tensors, {{"format", "pt"}, {"note", "a \"quoted\" word"}});
  const SafetensorsFile file(folder / "a");
  // Wider dtypes first: each begins aligned.
  EXPECT_EQ(file.names(), (std::vector<std::string>{"f64", "i64", "", "f32", "größe", "i32", "bf16",
                                                    "f16", "u8"}));
  EXPECT_EQ(file.metadata(),
            (std::map<std::string, std::string>{{"format", "pt"}, {"note", "a \"quoted\" word"}}));
  for (const NamedTensor& tensor : tensors) {
    const ConstTensorView view = file.view(tensor.name);
    EXPECT_EQ(view.dtype(), tensor.view.dtype()) << tensor.name;
    EXPECT_EQ(view.shape(), tensor.view.shape()) << tensor.name;
    EXPECT_EQ(BytesOf(view), BytesOf(tensor.view)) << tensor.name;
    EXPECT_EQ(reinterpret_cast<uintptr_t>(view.data()) % SizeOf(view.dtype()), 0u) << tensor.name;
    EXPECT_EQ(file.shape(tensor.name), tensor.view.shape());
    EXPECT_EQ(file.dtype(tensor.name), tensor.view.dtype());
  }
  // The layout is the same whatever the order of the arguments.
  WriteSafetensors(folder / "b", std::vector<NamedTensor>(tensors.rbegin(), tensors.rend()),
                   file.metadata());
  EXPECT_EQ(ReadFile(folder / "a"), ReadFile(folder / "b"));
}

TEST(SafetensorsTest, StridedViewsAreGathered) {
  const TestFolder folder;
  constexpr int64_t kRows = 700, kColumns = 500;  // more than one buffer
  Tensor tensor(DType::kF32, {kRows, kColumns});
  for (int64_t i = 0; i < tensor.count(); ++i) tensor.data<float>()[i] = static_cast<float>(i);
  const ConstTensorView transposed(tensor.raw(), DType::kF32, {kColumns, kRows}, {1, kColumns});
  const ConstTensorView backwards(tensor.data<float>() + kColumns - 1, DType::kF32, {kColumns},
                                  {-1});
  const ConstTensorView repeated(tensor.data<float>() + 3, DType::kF32, {4}, {0});
  WriteSafetensors(folder / "a",
                   std::vector<NamedTensor>{{"t", transposed}, {"b", backwards}, {"r", repeated}});
  const SafetensorsFile file(folder / "a");
  const float* t = file.view("t").As<float>();
  for (int64_t c = 0; c < kColumns; ++c) {
    for (int64_t r = 0; r < kRows; ++r)
      ASSERT_EQ(t[c * kRows + r], static_cast<float>(r * kColumns + c));
    ASSERT_EQ(file.view("b").As<float>()[c], static_cast<float>(kColumns - 1 - c));
  }
  EXPECT_EQ(file.view("r").As<float>()[3], 3.f);
}

// Other writers do not pad the header, put bytes before floats, name BOOL, and give the header's
// keys in any order.
TEST(SafetensorsTest, ReadsOtherWritersFiles) {
  const TestFolder folder;
  const float value = 1.5f;
  std::string data = "\x01";
  data.append(reinterpret_cast<const char*>(&value), 4);
  const std::string header =
      R"( {"x":{"data_offsets":[1,5],"shape":[1],"dtype":"F32"},"mask":{"dtype":"BOOL","shape":[1],"data_offsets":[0,1]}})";
  for (const std::string_view padding : {"", " ", "  ", "   "}) {
    const SafetensorsFile file(folder.Put("a", FileOf(header + std::string(padding), data)));
    EXPECT_EQ(file.names(), (std::vector<std::string>{"mask", "x"}));
    EXPECT_EQ(file.dtype("mask"), DType::kU8);
    EXPECT_EQ(*file.view("mask").As<uint8_t>(), 1);
    const ConstTensorView x = file.view("x");
    EXPECT_EQ(reinterpret_cast<uintptr_t>(x.data()) % alignof(float), 0u);
    EXPECT_EQ(*x.As<float>(), 1.5f);
    EXPECT_EQ(file.view("x").data(), x.data());  // the copy stays
    EXPECT_TRUE(file.metadata().empty());
  }
  const SafetensorsFile none(folder.Put("none", FileOf("{}", "")));
  EXPECT_TRUE(none.names().empty());
}

TEST(SafetensorsTest, ARewrittenFileKeepsItsHeader) {
  const TestFolder folder;
  // Unaligned, in an order and with blanks that we would not write.
  const std::string header =
      R"( {"b":{"data_offsets":[3,7],"shape":[1],"dtype":"F32"},"a":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]}} )";
  const SafetensorsFile file(folder.Put("in", FileOf(header, "abcdefg")));
  std::string order;
  const auto shout = [&](const std::string& name, AtomicFile& out) {
    order += name;
    name == "b" ? out.Write("DEFG") : out.Write(file.bytes(name));
  };
  RewriteSafetensors(file, folder / "out", shout);
  EXPECT_EQ(ReadFile(folder / "out"), FileOf(header, "abcDEFG"));
  EXPECT_EQ(order, "ab");
  RewriteSafetensors(file, folder / "in", shout);  // over itself
  EXPECT_EQ(ReadFile(folder / "in"), FileOf(header, "abcDEFG"));

  const std::string sentence = Thrown([&] {
    RewriteSafetensors(file, folder / "none",
                       [](const std::string&, AtomicFile&) { throw FileError("stop"); });
  });
  EXPECT_EQ(sentence, "stop");
  EXPECT_FALSE(std::filesystem::exists(folder / "none"));
  EXPECT_EQ(Thrown([&] { file.bytes("c"); }),
            "cannot read " + file.path().string() + ": there is no tensor c");
}

// Dtypes that nothing here computes with have their shape and their bytes, packed ones too.
TEST(SafetensorsTest, OtherDtypesAreCarried) {
  const TestFolder folder;
  struct Case {
    std::string_view dtype;
    int64_t elements;  // in 24 bytes
  };
  for (const Case& c : std::vector<Case>{{"I8", 24},
                                         {"I16", 12},
                                         {"U16", 12},
                                         {"U32", 6},
                                         {"U64", 3},
                                         {"C64", 3},
                                         {"F8_E4M3", 24},
                                         {"F8_E5M2", 24},
                                         {"F8_E8M0", 24},
                                         {"F8_E4M3FNUZ", 24},
                                         {"F8_E5M2FNUZ", 24},
                                         {"F6_E2M3", 32},
                                         {"F6_E3M2", 32},
                                         {"F4", 48}}) {
    const std::string data = "abcdefghijklmnopqrstuvwxWXYZ";
    const std::string bytes =
        FileOf(Sentence(R"({"z":{"dtype":")", c.dtype, R"(","shape":[)", c.elements,
                        R"(],"data_offsets":[0,24]},)",
                        R"("x":{"dtype":"F32","shape":[1],"data_offsets":[24,28]}})"),
               data);
    const SafetensorsFile file(folder.Put("in", bytes));
    EXPECT_TRUE(file.CanOnlyCopy("z"));
    EXPECT_FALSE(file.CanOnlyCopy("x"));
    EXPECT_EQ(file.dtype_name("z"), c.dtype);
    EXPECT_EQ(file.shape("z"), Dims({c.elements}));
    EXPECT_EQ(Thrown([&] { file.view("z"); }),
              Sentence("cannot read ", file.path().string(), ": z is ", c.dtype,
                       ", which can be copied only, not computed with (that is F64, F32, BF16, "
                       "F16, I64, I32, U8 and BOOL)"));
    RewriteSafetensors(file, folder / "out", [&](const std::string& name, AtomicFile& out) {
      out.Write(file.bytes(name));
    });
    EXPECT_EQ(ReadFile(folder / "out"), bytes);
  }
}

TEST(SafetensorsTest, EveryBrokenFileHasItsSentence) {
  const TestFolder folder;
  const std::string eight(8, 'd');
  const auto entry = [](std::string_view name, std::string_view dtype, std::string_view shape,
                        std::string_view offsets) {
    return Sentence("\"", name, R"(":{"dtype":")", dtype, R"(","shape":)", shape,
                    R"(,"data_offsets":)", offsets, "}");
  };
  const std::string good = entry("x", "F32", "[2]", "[0,8]");
  struct Case {
    std::string bytes, reason;
  };
  const std::vector<Case> cases = {
      {"1234567", "not a safetensors file: 7 bytes are less than the 8 of the header's length"},
      {"#include <x>",
       "not a safetensors file: its header would have 7306093603886885155 bytes, the limit is "
       "100000000"},
      {LittleEndian64(100) + "{}", "cut short: the header has 100 bytes, 2 are there"},
      {FileOf("", ""),
       "not JSON at line 1, column 1: unexpected end of input; expected '[', '{', or a literal"},
      {FileOf("[]", ""), "it must be an object, got an array of 0"},
      {FileOf(Sentence("{", good, "}"), eight.substr(1)),
       "cut short: x ends at byte 8 of the data, 7 are there"},
      {FileOf(Sentence("{", good, "}"), eight + "d"), "bytes in no tensor: 1 after the last one"},
      {FileOf(Sentence("{", entry("x", "F32", "[1]", "[4,8]"), "}"), eight),
       "bytes in no tensor: x begins at byte 4 of the data, the one before ends at 0"},
      {FileOf(Sentence("{", good, ",", entry("y", "F32", "[1]", "[4,8]"), "}"), eight),
       "tensors overlap: y begins at byte 4 of the data, the one before ends at 8"},
      {FileOf(Sentence("{", good, ",", good, "}"), eight), "key \"x\" is there twice"},
      {FileOf(Sentence("{", entry("x", "F32", "[2]", "[8,0]"), "}"), eight),
       "x has shape [2] of F32, which does not fill bytes 8 to 0"},
      {FileOf(Sentence("{", entry("x", "F32", "[3]", "[0,8]"), "}"), eight),
       "x has shape [3] of F32, which does not fill bytes 0 to 8"},
      {FileOf(Sentence("{", entry("x", "F32", "[4611686018427387904,4]", "[0,0]"), "}"), eight),
       "x has shape [4611686018427387904, 4] of F32, which does not fill bytes 0 to 0"},
      {FileOf(Sentence("{", entry("x", "F32", "[0,4611686018427387904,4]", "[0,0]"), "}"), eight),
       "x has shape [0, 4611686018427387904, 4] of F32, which does not fill bytes 0 to 0"},
      {FileOf(Sentence("{", entry("x", "F32", "[4611686018427387904,4]", "[1,0]"), "}"), eight),
       "x has shape [4611686018427387904, 4] of F32, which does not fill bytes 1 to 0"},
      {FileOf(Sentence("{", entry("x", "F32", "[-2]", "[0,8]"), "}"), eight),
       "x.shape[0] must be a whole number of at least 0, got -2"},
      {FileOf(Sentence("{", entry("x", "F32", "[1,1,1,1,1,2]", "[0,8]"), "}"), eight),
       "x.shape must have at most 5 axes, got 6"},
      {FileOf(Sentence("{", entry("x", "F8_E1M6", "[8]", "[0,8]"), "}"), eight),
       "x.dtype is no dtype of safetensors, got F8_E1M6"},
      {FileOf(Sentence("{", entry("x", "F8_E4M3", "[7]", "[0,8]"), "}"), eight),
       "x has shape [7] of F8_E4M3, which does not fill bytes 0 to 8"},
      {FileOf(Sentence("{", entry("x", "F4", "[15]", "[0,8]"), "}"), eight),
       "x has shape [15] of F4, which does not fill bytes 0 to 8"},
      {FileOf(Sentence("{", entry("x", "F32", "[2]", "[0]"), "}"), eight),
       "x.data_offsets must be an array of 2, got an array of 1"},
      {FileOf(Sentence("{", entry("x", "F32", "[2]", "[0,8.0]"), "}"), eight),
       "x.data_offsets[1] must be a whole number of at least 0, got 8.0"},
      {FileOf(R"({"x":{"dtype":"F32","shape":[2]}})", eight), "x.data_offsets is missing"},
      {FileOf(R"({"__metadata__":{"a":1}})", ""), "__metadata__.a must be a string, got 1"},
      {FileOf(R"({"__metadata__":[]})", ""), "__metadata__ must be an object, got an array of 0"},
  };
  for (const Case& c : cases) {
    const std::string path = folder.Put("a", c.bytes).string();
    EXPECT_EQ(Thrown([&] { SafetensorsFile file(path); }), "cannot read " + path + ": " + c.reason);
  }
  const std::string path = folder.Put("a", FileOf(Sentence("{", good, "}"), eight)).string();
  const SafetensorsFile file(path);
  EXPECT_EQ(Thrown([&] { file.view("y"); }), "cannot read " + path + ": there is no tensor y");
  EXPECT_EQ(Thrown([&] { file.shape("y"); }), "cannot read " + path + ": there is no tensor y");
}

TEST(SafetensorsTest, BadNamesAreRefusedAndNothingIsWritten) {
  const TestFolder folder;
  const Tensor x = Counting(DType::kF32, {2});
  const auto sentence = [&](std::vector<NamedTensor> tensors) {
    return Thrown<std::invalid_argument>([&] { WriteSafetensors(folder / "a", tensors); });
  };
  EXPECT_EQ(sentence({{"x", x.view()}, {"x", x.view()}}),
            "WriteSafetensors: two tensors are named x");
  EXPECT_EQ(sentence({{"__metadata__", x.view()}}),
            "WriteSafetensors: the name __metadata__ is reserved");
  EXPECT_EQ(sentence({{"\xff", x.view()}}), "WriteSafetensors: a name or metadata is not UTF-8");
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

// Files made of a good one by changing, cutting, copying and swapping bytes either throw FileError
// or are whole.
TEST(SafetensorsTest, RandomDamageNeverEscapes) {
  const TestFolder folder;
  const Tensor a = Counting(DType::kF32, {3, 2}), b = Counting(DType::kU8, {5}),
               c = Counting(DType::kI64, {});
  WriteSafetensors(folder / "good",
                   std::vector<NamedTensor>{{"a", a.view()}, {"b", b.view()}, {"c", c.view()}},
                   {{"k", "v"}});
  const std::string good = ReadFile(folder / "good");
  constexpr int kRounds = 4000;
  int read = 0, refused = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::string bytes = Damaged(good, static_cast<uint64_t>(round));
    std::filesystem::remove(folder / "bad");  // writing over a file waits for the disk
    const std::filesystem::path path = folder.Put("bad", bytes);
    try {
      const SafetensorsFile file(path);
      std::string data;
      for (const std::string& name : file.names()) data += BytesOf(file.view(name));
      EXPECT_EQ(data, bytes.substr(bytes.size() - data.size()));
      EXPECT_EQ(LittleEndian64(bytes.size() - data.size() - 8), bytes.substr(0, 8));
      ++read;
    } catch (const FileError& error) {
      EXPECT_EQ(std::string(error.what()).rfind("cannot read ", 0), 0u);
      ++refused;
    }
  }
  std::cout << kRounds << " damaged files: " << refused << " refused, " << read << " read\n";
  EXPECT_GT(refused, kRounds / 2);
  EXPECT_GT(read, kRounds / 100);  // damage to the data alone stays readable
}

}  // namespace
}  // namespace rotary
