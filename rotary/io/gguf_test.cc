// Properties: values of every type, tensors and their numbers come back as another writer put them,
// whatever follows a long array too; a file that breaks the format in any way throws a FileError,
// each rule with its exact sentence; no byte outside the file is read (buffers have their exact
// size) and no length is believed before the bytes are there.
#include "rotary/io/gguf.h"

#include <cmath>
#include <cstring>
#include <iostream>
#include <limits>
#include <memory>

#include "gtest/gtest.h"
#include "rotary/io/file.h"
#include "rotary/io/test_damage.h"
#include "rotary/io/test_folder.h"
#include "rotary/io/test_gguf.h"

namespace rotary {
namespace {

using namespace gguf_bytes;  // NOLINT: what the tests of this file are made of

// Parses a copy of exactly this size, `shift` bytes after an aligned place.
GgufHeader Parse(std::string_view bytes, size_t shift = 0) {
  const auto copy = std::make_unique<std::byte[]>(bytes.size() + shift);
  if (!bytes.empty()) std::memcpy(copy.get() + shift, bytes.data(), bytes.size());
  return ParseGgufHeader({copy.get() + shift, bytes.size()}, "m.gguf");
}

std::vector<float> Numbers(std::string_view bytes, const GgufHeader& header, std::string_view name,
                           size_t shift = 0) {
  const auto copy = std::make_unique<std::byte[]>(bytes.size() + shift);
  if (!bytes.empty()) std::memcpy(copy.get() + shift, bytes.data(), bytes.size());
  return ParseGgufNumbers({copy.get() + shift, bytes.size()}, "m.gguf", header, name);
}

// A file with something of everything.
std::string Example(uint32_t version = 3) {
  return FileOf(
      {Key("general.architecture", kString, Text("llama")),
       Key("llama.rope.freq_base", kF32, Raw(500000.f)),
       Key("llama.rope.dimension_sections", kArray, Array(kI32, 3, Raw(16, 24, 24))),
       Key("tokens", kArray, Array(kString, 2, Text("a") + Text("bc")))},
      {TensorInfo("rope_freqs.weight", {3}, 0, 0),
       TensorInfo("blk.0.attn_q.weight", {64, 2}, 8, 32), TensorInfo("long", {2, 2}, 30, 64)},
      Raw(1.f, 2.5f, -8.f) + std::string(20, 'p') + std::string(32, 'q') +
          Raw(uint16_t{0x3f80}, uint16_t{0x4000}, uint16_t{0xc040}, uint16_t{0}),
      32, version);
}

TEST(GgufTest, EveryTypeOfValueComesBack) {
  const std::string nested =
      Array(kArray, 3,
            Array(kU8, 2, Raw(uint8_t{1}, uint8_t{255})) + Array(kString, 1, Text("x")) +
                Array(kArray, 1, Array(kF64, 0, "")));
  const std::vector<std::string> keys = {
      Key("u8", kU8, Raw(uint8_t{200})),
      Key("i8", kI8, Raw(int8_t{-128})),
      Key("u16", kU16, Raw(uint16_t{65535})),
      Key("i16", kI16, Raw(int16_t{-32768})),
      Key("u32", kU32, Raw(uint32_t{4294967295})),
      Key("i32", kI32, Raw(std::numeric_limits<int32_t>::min())),
      Key("u64", kU64, Raw(std::numeric_limits<uint64_t>::max())),
      Key("i64", kI64, Raw(std::numeric_limits<int64_t>::min())),
      Key("f32", kF32, Raw(0.1f)),
      Key("f64", kF64, Raw(-1e300)),
      Key("no", kBool, Raw(uint8_t{0})),
      Key("yes", kBool, Raw(uint8_t{1})),
      Key("text", kString, Text("größe \"x\"\n")),
      Key("zero byte", kString, Text(std::string_view("a\0b", 3))),
      Key("empty", kString, Text("")),
      Key("floats", kArray, Array(kF32, 2, Raw(1.5f, -2.f))),
      Key("bools", kArray, Array(kBool, 2, Raw(uint8_t{1}, uint8_t{0}))),
      Key("none", kArray, Array(kI64, 0, "")),
      Key("nested", kArray, nested)};
  const Json expected = {{"u8", 200},
                         {"i8", -128},
                         {"u16", 65535},
                         {"i16", -32768},
                         {"u32", 4294967295u},
                         {"i32", -2147483648ll},
                         {"u64", 18446744073709551615u},
                         {"i64", std::numeric_limits<int64_t>::min()},
                         {"f32", 0.100000001490116119384765625},
                         {"f64", -1e300},
                         {"no", false},
                         {"yes", true},
                         {"text", "größe \"x\"\n"},
                         {"zero byte", std::string("a\0b", 3)},
                         {"empty", ""},
                         {"floats", {1.5, -2.0}},
                         {"bools", {true, false}},
                         {"none", Json::array()},
                         {"nested", Json::parse(R"([[1, 255], ["x"], [[]]])")}};
  for (const uint32_t version : {2u, 3u}) {
    for (const size_t shift : {0, 1, 3}) {
      const GgufHeader header = Parse(FileOf(keys, {}, "", 32, version), shift);
      EXPECT_EQ(header.version, version);
      EXPECT_EQ(header.metadata, expected);
      EXPECT_TRUE(header.metadata["u64"].is_number_unsigned());
      EXPECT_LT(JsonValue(header.metadata, "m.gguf")["i64"].Int(), -9223372036854775807);
      EXPECT_TRUE(header.metadata["f32"].is_number_float());
      EXPECT_TRUE(header.metadata["u8"].is_number_integer());
      EXPECT_TRUE(header.tensors.empty());
    }
  }
}

TEST(GgufTest, TensorsComeBackInOrderLastAxisFastest) {
  const TestFolder folder;
  const std::string data(192, 'd');
  const GgufHeader header = ReadGgufHeader(folder.Put(
      "m.gguf",
      FileOf({Key("general.alignment", kU32, Raw(uint32_t{64}))},
             {TensorInfo("f32", {3, 2}, 0, 128), TensorInfo("q4_0", {32, 1, 7}, 2, 0),
              TensorInfo("scalar", {}, 28, 64), TensorInfo("empty", {0, 5}, 1, 128),
              TensorInfo("later", {1, 2, 3, 4, 5}, 999, 64), TensorInfo("no blocks", {0}, 8, 192)},
             data, 64)));
  ASSERT_EQ(header.tensors.size(), 6u);
  EXPECT_EQ(header.data_offset % 64, 0u);
  EXPECT_EQ(header.data_offset, std::filesystem::file_size(folder / "m.gguf") - data.size());
  const auto check = [&](size_t i, std::string_view name, const Dims& shape, uint32_t type,
                         uint64_t offset) {
    EXPECT_EQ(header.tensors[i].name, name);
    EXPECT_EQ(header.tensors[i].shape, shape) << name;
    EXPECT_EQ(header.tensors[i].type, type) << name;
    EXPECT_EQ(header.tensors[i].offset, offset) << name;
    EXPECT_EQ(header.Find(name), &header.tensors[i]);
  };
  check(0, "f32", {2, 3}, 0, 128);
  check(1, "q4_0", {7, 1, 32}, 2, 0);
  check(2, "scalar", {}, 28, 64);
  check(3, "empty", {5, 0}, 1, 128);
  check(4, "later", {5, 4, 3, 2, 1}, 999, 64);
  check(5, "no blocks", {0}, 8, 192);
  EXPECT_EQ(header.Find("f3"), nullptr);
}

TEST(GgufTest, DTypesHaveTheNumbersOfGgml) {
  const auto dtype = [](uint32_t type) { return GgufTensor{"", {}, type, 0}.dtype(); };
  EXPECT_EQ(dtype(0), DType::kF32);
  EXPECT_EQ(dtype(1), DType::kF16);
  EXPECT_EQ(dtype(26), DType::kI32);
  EXPECT_EQ(dtype(27), DType::kI64);
  EXPECT_EQ(dtype(28), DType::kF64);
  EXPECT_EQ(dtype(30), DType::kBF16);
  for (const uint32_t type : {2u, 8u, 15u, 24u, 25u, 29u, 31u, 4294967295u}) {
    EXPECT_EQ(dtype(type), std::nullopt) << type;
  }
}

TEST(GgufTest, NumbersOfASmallTensor) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const std::string f32 = Raw(1.f, -0.f, 1e30f, kInf);
  const std::string f16 = Raw(uint16_t{0x3c00}, uint16_t{0x0001}, uint16_t{0xfbff});
  const std::string bf16 = Raw(uint16_t{0x3f80}, uint16_t{0xc2f7}, uint16_t{0x7fc0});
  std::string data = f32 + std::string(16, 'p') + f16;
  data += std::string(64 - data.size(), 'p') + bf16;  // ends with the file
  const std::string bytes = FileOf({},
                                   {TensorInfo("f32", {2, 2}, 0, 0), TensorInfo("f16", {3}, 1, 32),
                                    TensorInfo("bf16", {3, 1}, 30, 64)},
                                   data);
  for (const size_t shift : {0, 1, 3}) {
    const GgufHeader header = Parse(bytes, shift);
    EXPECT_EQ(Numbers(bytes, header, "f32", shift), (std::vector<float>{1.f, -0.f, 1e30f, kInf}));
    EXPECT_TRUE(std::signbit(Numbers(bytes, header, "f32", shift)[1]));
    EXPECT_EQ(Numbers(bytes, header, "f16", shift), (std::vector<float>{1.f, 0x1p-24f, -65504.f}));
    const std::vector<float> got = Numbers(bytes, header, "bf16", shift);
    ASSERT_EQ(got.size(), 3u);
    EXPECT_EQ(got[0], 1.f);
    EXPECT_EQ(got[1], -123.5f);
    EXPECT_TRUE(std::isnan(got[2]));
  }
  const TestFolder folder;
  const std::filesystem::path path = folder.Put("m.gguf", Example());
  EXPECT_EQ(ReadGgufNumbers(path, ReadGgufHeader(path), "rope_freqs.weight"),
            (std::vector<float>{1.f, 2.5f, -8.f}));
  EXPECT_EQ(ReadGgufNumbers(path, ReadGgufHeader(path), "long"),
            (std::vector<float>{1.f, 2.f, -3.f, 0.f}));
}

TEST(GgufTest, NumbersThatCannotBeRead) {
  const std::string data(4 * 8193, 'd');
  const std::string bytes =
      FileOf({},
             {TensorInfo("q8_0", {64}, 8, 0), TensorInfo("f64", {2}, 28, 0),
              TensorInfo("most", {4096, 2}, 0, 0), TensorInfo("more", {8193}, 0, 0),
              TensorInfo("late", {1}, 0, 64)},
             data);
  const GgufHeader header = Parse(bytes);
  const auto thrown = [&](std::string_view name) {
    return Thrown([&] { Numbers(bytes, header, name); });
  };
  EXPECT_EQ(thrown("none"), "cannot read m.gguf: there is no tensor none");
  EXPECT_EQ(thrown("q8_0"),
            "cannot read m.gguf: q8_0 must be f32, f16 or bf16 (types 0, 1 and 30), got type 8");
  EXPECT_EQ(thrown("f64"),
            "cannot read m.gguf: f64 must be f32, f16 or bf16 (types 0, 1 and 30), got type 28");
  EXPECT_EQ(thrown("more"), "cannot read m.gguf: more has shape [8193], more than 8192 numbers");
  EXPECT_EQ(Numbers(bytes, header, "most").size(), 8192u);
  // The file has changed since its header was read.
  const std::string_view shorter = std::string_view(bytes).substr(0, header.data_offset + 32767);
  EXPECT_EQ(Thrown([&] { Numbers(shorter, header, "most"); }),
            "cannot read m.gguf: cut short: most has 32768 bytes from byte 0 of the data on, the "
            "data has 32767");
  EXPECT_EQ(Thrown([&] { Numbers(shorter.substr(0, header.data_offset + 63), header, "late"); }),
            "cannot read m.gguf: cut short: late has 4 bytes from byte 64 of the data on, the data "
            "has 63");
  EXPECT_EQ(Thrown([&] { Numbers("GGUF", header, "most"); }),
            "cannot read m.gguf: cut short: most has 32768 bytes from byte 0 of the data on, the "
            "data has 0");
}

TEST(GgufTest, LongArraysAndTextsAreNullAndWhatFollowsIsRead) {
  std::string tokens, lists;
  for (int i = 0; i < 200'000; ++i) tokens += Text(std::to_string(i));
  for (int i = 0; i < 9000; ++i) lists += Array(kString, 1, Text("x"));
  const GgufHeader header = Parse(
      FileOf({Key("most", kArray, Array(kU16, 8192, std::string(2 * 8192, 'n'))),
              Key("more", kArray, Array(kU16, 8193, std::string(2 * 8193, 'n'))),
              Key("tokens", kArray, Array(kString, 200'000, tokens)),
              Key("lists", kArray, Array(kArray, 9000, lists)),
              Key("inner", kArray,
                  Array(kArray, 2, Array(kU8, 8193, std::string(8193, 'n')) + Array(kU8, 1, "n"))),
              Key("long", kString, Text(std::string(size_t{1} << 20, 't'))),
              Key("longer", kString, Text(std::string((size_t{1} << 20) + 1, 't'))),
              Key("last", kI32, Raw(-7))},
             {}));
  EXPECT_EQ(header.metadata.size(), 8u);
  EXPECT_EQ(header.metadata["most"], Json(std::vector<int>(8192, 'n' * 257)));
  EXPECT_EQ(header.metadata["inner"], Json::parse("[null, [110]]"));
  EXPECT_EQ(header.metadata["long"], std::string(size_t{1} << 20, 't'));
  for (const char* key : {"more", "tokens", "lists", "longer"}) {
    EXPECT_TRUE(header.metadata[key].is_null()) << key;
  }
  EXPECT_EQ(header.metadata["last"], -7);
  EXPECT_EQ(Thrown([&] { JsonValue(header.metadata, "m.gguf")["tokens"].Array(); }),
            "cannot read m.gguf: tokens must be an array, got null");
}

TEST(GgufTest, WhatJsonHasNoRoomForIsSaidToWhoAsks) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const GgufHeader header =
      Parse(FileOf({Key("a.nan", kF64, Raw(kNan)), Key("a.inf", kF32, Raw(kInf)),
                    Key("a.list", kArray, Array(kF32, 2, Raw(1.f, -kInf))),
                    Key("author", kString,
                        Text("Gr\xf6\xdf"
                             "e"))},
                   {}));
  const JsonValue metadata(header.metadata, "m.gguf");
  EXPECT_EQ(Thrown([&] { metadata["a.nan"].Number(); }),
            "cannot read m.gguf: a.nan must be a number, got \"nan\"");
  EXPECT_EQ(Thrown([&] { metadata["a.inf"].Number(); }),
            "cannot read m.gguf: a.inf must be a number, got \"inf\"");
  EXPECT_EQ(Thrown([&] { metadata["a.list"].Array()[1].Number(); }),
            "cannot read m.gguf: a.list[1] must be a number, got \"-inf\"");
  EXPECT_EQ(metadata["author"].String(),
            "Gr\xef\xbf\xbd\xef\xbf\xbd"
            "e");
  EXPECT_NO_THROW(header.metadata.dump());
}

TEST(GgufTest, EveryBrokenFileHasItsSentence) {
  constexpr uint64_t kHuge = uint64_t{1} << 60;
  const auto key = [](std::string_view name, uint32_t type, std::string_view value) {
    return FileOf({Key(name, type, value)}, {}, "", 1);
  };
  const auto array = [&](uint32_t type, uint64_t count, std::string_view elements) {
    return key("a.b", kArray, Array(type, count, elements));
  };
  const auto tensor = [](const std::vector<uint64_t>& lengths, uint32_t type, uint64_t offset,
                         size_t data) {
    return FileOf({}, {TensorInfo("w", lengths, type, offset)}, std::string(data, 'd'));
  };
  std::string deep = Array(kU8, 0, "");  // one level
  for (int level = 1; level < 9; ++level) deep = Array(kArray, 1, deep);
  std::string deep_and_long = Array(kU8, 0, "");
  for (int level = 1; level < 8; ++level) deep_and_long = Array(kArray, 1, deep_and_long);
  std::string padding;
  for (int i = 0; i < 9000; ++i) padding += Array(kU8, 0, "");
  struct Case {
    std::string bytes, reason;
  };
  const std::vector<Case> cases = {
      {"GGU", "not a GGUF file: cut short: 4 bytes from byte 0 on, 3 are there"},
      {"{\"a\": 1}", "not a GGUF file: it does not begin with the letters GGUF"},
      {"ggjt" + Raw(3u), "not a GGUF file: it does not begin with the letters GGUF"},
      {"FUGG" + Raw(0x03000000u), "the header: big-endian GGUF is not supported"},
      {Start(0x03000000, 0, 0), "the header: big-endian GGUF is not supported"},
      {Start(0, 0, 0), "the header: the version must be 2 or 3, got 0"},
      {Start(1, 0, 0), "the header: the version must be 2 or 3, got 1"},
      {Start(4, 0, 0), "the header: the version must be 2 or 3, got 4"},
      {Start(3, 0, kHuge) + "..",
       "the header: cut short: 1152921504606846976 keys do not fit in the 2 bytes that follow"},
      {Start(3, 0, uint64_t{1} << 63) + "..",  // its bytes overflow to 0
       "the header: cut short: 9223372036854775808 keys do not fit in the 2 bytes that follow"},
      {Start(3, kHuge, 0) + "..",
       "the header: cut short: 1152921504606846976 tensors do not fit in the 2 bytes that follow"},
      {Start(3, 0, 1048577) + std::string(14 * 1048577, '\0'),
       "the header: 1048577 keys, the limit is 1048576"},
      {Start(3, 1048577, 0) + std::string(25 * 1048577, '\0'),
       "the header: 1048577 tensors, the limit is 1048576"},
      {Start(3, 0, 1) + Raw(uint64_t{0}) + Raw(kU64) + Raw(uint64_t{0}),
       "key 0: the name must be 1 to 65535 printable ASCII characters"},
      {key("gr\xc3\xb6\xc3\x9f"
           "e",
           kU8, "1"),
       "key 0: the name must be 1 to 65535 printable ASCII characters"},
      {key(std::string(65536, 'k'), kU8, "1"),
       "key 0: the name must be 1 to 65535 printable ASCII characters"},
      {Start(3, 0, 1) + Raw(kHuge) + std::string(20, 'k'),
       "key 0: cut short: 1152921504606846976 bytes from byte 32 on, 20 are there"},
      {FileOf({Key("a", kU8, "1"), Key("b", kU8, "1"), Key("a", kU8, "1")}, {}), "a: there twice"},
      {key("a.b", 13, "12345678"), "a.b: the type of a value must be 0 to 12, got 13"},
      {key("a.b", 0xffffffff, "1"), "a.b: the type of a value must be 0 to 12, got 4294967295"},
      {key(std::string(100, 'k'), 13, ""),
       std::string(60, 'k') + "...: the type of a value must be 0 to 12, got 13"},
      {key("a.b", kBool, "\x02"), "a.b: a bool must be 0 or 1, got 2"},
      {key("a.b", kString, Raw(uint64_t{5}) + "1234"),
       "a.b: cut short: 5 bytes from byte 47 on, 4 are there"},
      {key("a.b", kString, Raw(~uint64_t{0}) + "1234"),
       "a.b: cut short: 18446744073709551615 bytes from byte 47 on, 4 are there"},
      {key("a.b", kU32, "123"), "a.b: cut short: 4 bytes from byte 39 on, 3 are there"},
      {array(13, 1, "1"), "a.b: the type of a value must be 0 to 12, got 13"},
      {array(kF32, 3, "12345678901"),
       "a.b: cut short: an array of 3 does not fit in the 11 bytes that follow"},
      {array(kF64, kHuge * 2, "12345678"),  // its bytes overflow to 0
       "a.b: cut short: an array of 2305843009213693952 does not fit in the 8 bytes that follow"},
      {array(kString, kHuge, "12345678"),
       "a.b: cut short: an array of 1152921504606846976 does not fit in the 8 bytes that follow"},
      {array(kArray, kHuge, "123456789012"),
       "a.b: cut short: an array of 1152921504606846976 does not fit in the 12 bytes that follow"},
      {array(kString, 8193, std::string(8192 * 8, '\0') + Raw(uint64_t{9}) + "12345678"),
       "a.b: cut short: 9 bytes from byte 65595 on, 8 are there"},
      {key("a.b", kArray, deep), "a.b: arrays are nested deeper than 8"},
      {key("a.b", kArray, Array(kArray, 9001, deep_and_long + padding)),
       "a.b: arrays are nested deeper than 8"},
      {key("general.alignment", kU32, Raw(0u)),
       "general.alignment must be a whole number from 1 to 2147483648, got 0"},
      {key("general.alignment", kU32, Raw(24u)),
       "general.alignment must be a power of two, got 24"},
      {key("general.alignment", kString, Text("32")),
       "general.alignment must be a whole number from 1 to 2147483648, got \"32\""},
      {FileOf({}, {TensorInfo("w", {1}, 0, 0), TensorInfo("w", {1}, 0, 32)}, std::string(36, 'd')),
       "w: there twice"},
      {FileOf({}, {TensorInfo("\n", {1}, 0, 0)}, "1234"),
       "tensor 0: the name must be 1 to 65535 printable ASCII characters"},
      {tensor({1, 1, 1, 1, 1, 1}, 0, 0, 4), "w: must have at most 5 axes, got 6"},
      {Start(3, 1, 0) + Text("w") + Raw(0xffffffffu) + std::string(20, 'd'),
       "w: must have at most 5 axes, got 4294967295"},
      {tensor({uint64_t{1} << 63}, 0, 0, 4), "w: an axis is longer than a 63-bit number can say"},
      {tensor({kHuge, 1, 64}, 8, 0, 4), "w: shape [64, 1, 1152921504606846976] is too large"},
      {tensor({kHuge * 2}, 0, 0, 4), "w: shape [2305843009213693952] is too large"},
      {tensor({1}, 0, 8, 64), "w: offset 8 is not a multiple of the alignment, 32"},
      {tensor({3}, 0, 32, 43),
       "w: cut short: 12 bytes from byte 32 of the data on, the data has 43"},
      {tensor({kHuge}, 1, 32, 43),
       "w: cut short: 2305843009213693952 bytes from byte 32 of the data on, the data has 43"},
      {tensor({1}, 0, ~uint64_t{31}, 43),
       "w: cut short: 4 bytes from byte 18446744073709551584 of the data on, the data has 43"},
      {tensor({0}, 0, 64, 43),
       "w: cut short: 0 bytes from byte 64 of the data on, the data has 43"},
      {tensor({32}, 8, 32, 32),
       "w: cut short: at least 1 bytes from byte 32 of the data on, the data has 32"},
  };
  for (const auto& [bytes, reason] : cases) {
    EXPECT_EQ(Thrown([&, &file = bytes] { Parse(file); }), "cannot read m.gguf: " + reason);
  }
  // The deepest that is read.
  std::string nested = Array(kU8, 0, "");
  for (int level = 1; level < 8; ++level) nested = Array(kArray, 1, nested);
  EXPECT_EQ(Parse(key("a", kArray, nested)).metadata["a"].dump(), "[[[[[[[[]]]]]]]]");
}

TEST(GgufTest, TheHeaderHasLimits) {
  const TestFolder folder;
  // A hole of 150 MB that no disk has to hold.
  const std::filesystem::path path =
      folder.Put("m.gguf", Start(3, 0, 1) + Text("text") + Raw(kString, uint64_t{120'000'000}));
  std::filesystem::resize_file(path, 150'000'000);
  EXPECT_EQ(
      Thrown([&] { ReadGgufHeader(path); }),
      Sentence("cannot read ", path.string(), ": text: the header is longer than 100000000 bytes"));
  std::vector<std::string> keys;
  for (int i = 0; i < 129; ++i) {
    keys.push_back(Key(std::to_string(i), kArray, Array(kU8, 8192, std::string(8192, 'n'))));
  }
  EXPECT_EQ(Thrown([&] { Parse(FileOf(keys, {})); }),
            "cannot read m.gguf: 128: more than 1048576 values in arrays");
  keys.pop_back();
  EXPECT_EQ(Parse(FileOf(keys, {})).metadata.size(), 128u);

  EXPECT_EQ(Thrown([&] { ReadGgufHeader(folder / "none"); }),
            Sentence("cannot read ", (folder / "none").string(), ": no such file or folder"));
  EXPECT_EQ(Thrown([&] { ReadGgufHeader(folder.Put("empty", "")); }),
            Sentence("cannot read ", (folder / "empty").string(), ": the file is empty"));
}

TEST(GgufTest, AFileCutShortAnywhereIsRefused) {
  for (const uint32_t version : {2u, 3u}) {
    const std::string good = Example(version);
    EXPECT_EQ(Parse(good).tensors.size(), 3u);
    for (size_t size = 0; size < good.size(); ++size) {
      const std::string reason = Thrown([&] { Parse(std::string_view(good).substr(0, size)); });
      EXPECT_EQ(reason.rfind("cannot read m.gguf: ", 0), 0u) << size << ": " << reason;
      EXPECT_NE(reason.find("cut short: "), reason.npos) << size << ": " << reason;
    }
  }
}

TEST(GgufTest, DamagedFilesAreReadOrRefused) {
  const std::string good = Example();
  constexpr int kRounds = 20000;
  int read = 0, refused = 0;
  for (int round = 0; round < kRounds; ++round) {
    const std::string bytes = Damaged(good, static_cast<uint64_t>(round));
    try {
      const GgufHeader header = Parse(bytes);
      EXPECT_NO_THROW(header.metadata.dump());
      for (const GgufTensor& tensor : header.tensors) {
        const auto dtype = tensor.dtype();
        if (dtype != DType::kF32 && dtype != DType::kF16 && dtype != DType::kBF16) continue;
        EXPECT_EQ(static_cast<int64_t>(Numbers(bytes, header, tensor.name).size()),
                  tensor.shape.Count());
      }
      ++read;
    } catch (const FileError& error) {
      EXPECT_EQ(std::string(error.what()).rfind("cannot read m.gguf: ", 0), 0u) << error.what();
      ++refused;
    }
  }
  std::cout << kRounds << " damaged files: " << refused << " refused, " << read << " read\n";
  EXPECT_GT(refused, kRounds / 3);
  EXPECT_GT(read, kRounds / 100);  // damage to the data alone stays readable
}

}  // namespace
}  // namespace rotary
