// Properties: arrays of every dtype and rank come back as another writer put them, aligned or not,
// under every version of the format; a file that breaks the format or holds what we do not read
// throws a FileError, each with its exact sentence; damaged files end in a value or a sentence.
#include "rotary/io/npy.h"

#include <bit>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/io/test_damage.h"
#include "rotary/io/test_folder.h"

namespace rotary {
namespace {

static_assert(std::endian::native == std::endian::little);

template <class T>
std::string Raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// As numpy.save writes it: the header is filled up with blanks to a multiple of 64.
std::string FileOf(std::string header, const std::string& data, char version = 1,
                   size_t alignment = 64) {
  const size_t prefix = version == 1 ? 10 : 12;
  while ((prefix + header.size() + 1) % alignment != 0) header += ' ';
  header += '\n';
  std::string bytes = std::string("\x93NUMPY") + version + '\0';
  for (size_t i = 0; i < prefix - 8; ++i) bytes += static_cast<char>(header.size() >> (8 * i));
  return bytes + header + data;
}

std::string HeaderOf(const std::string& descr, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
}

const std::vector<float> kNumbers = {1, -2.5f, 3e-8f, 4, 5, 6};

class NpyTest : public testing::Test {
 protected:
  // The sentence without the beginning that names the file.
  std::string Refusal(const std::string& bytes) {
    const std::filesystem::path path = folder_.Put("x.npy", bytes);
    std::string sentence = Thrown([&] { NpyFile file(path); });
    const std::string begin = "cannot read " + path.string() + ": ";
    return sentence.starts_with(begin) ? sentence.substr(begin.size()) : sentence;
  }
  TestFolder folder_;
};

TEST_F(NpyTest, NumbersComeBack) {
  for (const char version : {1, 2, 3}) {
    // 12 + 1 and so on: the numbers then lie at odd addresses, and are copied.
    for (const size_t alignment : {64, 1, 3}) {
      const NpyFile file(folder_.Put(
          "x.npy", FileOf(HeaderOf("<f4", "(2, 3)"), Raw(kNumbers), version, alignment)));
      EXPECT_EQ(file.view().dtype(), DType::kF32);
      EXPECT_EQ(file.view().shape(), Dims({2, 3}));
      const float* numbers = file.view().As<float>();
      EXPECT_EQ(std::vector<float>(numbers, numbers + 6), kNumbers);
    }
  }
}

TEST_F(NpyTest, EveryDType) {
  const auto dtype = [&](const std::string& descr, size_t size) {
    return NpyFile(folder_.Put("x.npy", FileOf(HeaderOf(descr, "(2,)"), std::string(2 * size, 1))))
        .view()
        .dtype();
  };
  EXPECT_EQ(dtype("<f2", 2), DType::kF16);
  EXPECT_EQ(dtype("<f4", 4), DType::kF32);
  EXPECT_EQ(dtype("<f8", 8), DType::kF64);
  EXPECT_EQ(dtype("<i4", 4), DType::kI32);
  EXPECT_EQ(dtype("<i8", 8), DType::kI64);
  // ml_dtypes.bfloat16, by the versions of NumPy.
  EXPECT_EQ(dtype("<V2", 2), DType::kBF16);
  EXPECT_EQ(dtype("|V2", 2), DType::kBF16);
  EXPECT_EQ(dtype("bfloat16", 2), DType::kBF16);
}

TEST_F(NpyTest, OtherWaysToWriteTheSame) {
  const std::vector<std::string> headers = {
      "{'shape': (), \"descr\": \"<f4\", 'fortran_order': False}",
      "{'descr':'<f4','fortran_order':False,'shape':(1,)}",
      "{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }",  // one axis has one order
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1), }"};
  for (const std::string& header : headers) {
    const NpyFile file(folder_.Put("x.npy", FileOf(header, Raw<float>({7}))));
    EXPECT_EQ(*file.view().As<float>(), 7) << header;
  }
  const NpyFile empty(folder_.Put("x.npy", FileOf(HeaderOf("<f4", "(0, 9)"), "")));
  EXPECT_EQ(empty.view().shape(), Dims({0, 9}));
}

TEST_F(NpyTest, WhatIsNotReadIsSaid) {
  const std::string four = Raw<float>({7});
  const auto refusal = [&](const std::string& header) { return Refusal(FileOf(header, four)); };
  EXPECT_EQ(refusal("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 1), }"),
            "Fortran order; save numpy.ascontiguousarray(x)");
  EXPECT_EQ(refusal(HeaderOf(">f4", "(1,)")), "big endian ('>f4'); save x.astype('<f4')");
  EXPECT_EQ(refusal(HeaderOf("|O", "(1,)")), "Python objects ('|O'); save an array of numbers");
  EXPECT_EQ(refusal("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (1,), }"),
            "a structured type; save its fields apart");
  for (const char* descr : {"<u4", "<c8", "|b1", "<U3", "f4", "", "<V4"}) {
    EXPECT_EQ(refusal(HeaderOf(descr, "(1,)")),
              Sentence("its dtype is '", descr,
                       "', and '<f2', '<f4', '<f8', '<i4', '<i8' and bfloat16 can be read"));
  }
  EXPECT_EQ(refusal(HeaderOf("<f4", "(1, 1, 1, 1, 1, 1)")), "more than 5 axes");
  EXPECT_EQ(Refusal(FileOf(HeaderOf("<f4", "(1,)"), four, 4)),
            "version 4.0 of the format; 1.0, 2.0 and 3.0 can be read");
  EXPECT_EQ(Refusal("PK\x03\x04 and more"), "a zip of arrays (.npz); save one by numpy.save");
}

TEST_F(NpyTest, WrongLengths) {
  const std::string header = HeaderOf("<f4", "(2, 3)");
  EXPECT_EQ(Refusal(FileOf(header, Raw(kNumbers).substr(1))),
            "cut short: [2, 3] of f32 do not fill the 23 bytes after the header");
  EXPECT_EQ(Refusal(FileOf(header, Raw(kNumbers) + "more")),
            "too long: [2, 3] of f32 do not fill the 28 bytes after the header");
  EXPECT_EQ(Refusal(FileOf(HeaderOf("<f8", "(4611686018427387904, 4)"), "")),
            "cut short: [4611686018427387904, 4] of f64 do not fill the 0 bytes after the header");
  // Nothing of it, and yet more strides than a number holds.
  EXPECT_EQ(Refusal(FileOf(HeaderOf("<f8", "(4611686018427387904, 4, 0)"), "")),
            "cut short: [4611686018427387904, 4, 0] of f64 do not fill the 0 bytes after the "
            "header");
  const std::string whole = FileOf(header, Raw(kNumbers));
  EXPECT_EQ(Refusal(whole.substr(0, 5)), "not a .npy file: it does not begin with \\x93NUMPY");
  EXPECT_EQ(Refusal(whole.substr(0, 9)), "cut short: 9 bytes end before the header");
  EXPECT_EQ(Refusal(whole.substr(0, 100)), "cut short: the header has 118 bytes, 90 are there");
  std::string endless = FileOf(header, "", 2);
  endless[11] = '\x7f';
  EXPECT_EQ(Refusal(endless), "its header would have 2130706548 bytes, the limit is 1048576");
}

TEST_F(NpyTest, BrokenHeaders) {
  const auto refusal = [&](const std::string& header) { return Refusal(FileOf(header, "")); };
  const auto wants = [](const std::string& what, int byte) {
    return Sentence("its header wants ", what, " at byte ", byte,
                    " of {'descr': .., 'fortran_order': .., 'shape': ..}");
  };
  EXPECT_EQ(refusal("['<f4']"), wants("'{'", 0));
  EXPECT_EQ(refusal("{'descr': '<f4', 'descr': '<f4'}"), wants("another key", 25));
  EXPECT_EQ(refusal("{'type': '<f4'}"), wants("another key", 8));
  EXPECT_EQ(refusal("{descr: '<f4'}"), wants("a string", 1));
  EXPECT_EQ(refusal("{'descr': '<f4"), wants("the end of a string", 10));
  EXPECT_EQ(refusal("{'descr': '<\\x66'}"), wants("a short plain string", 10));
  EXPECT_EQ(refusal("{'fortran_order': 0}"), wants("True or False", 18));
  EXPECT_EQ(refusal("{'shape': (2.5,)}"), wants("a comma or ')'", 12));
  EXPECT_EQ(refusal("{'shape': (-1,)}"), wants("the length of an axis", 11));
  EXPECT_EQ(refusal("{'shape': (99999999999999999999,)}"), wants("the length of an axis", 11));
  EXPECT_EQ(refusal("{'shape': (1 2)}"), wants("a comma or ')'", 13));
  EXPECT_EQ(refusal("{'shape': (1,) 'descr': 'x'}"), wants("a comma or a brace", 15));
  EXPECT_EQ(refusal(HeaderOf("<f4", "(1,)") + " 7"), wants("the end", 58));
  EXPECT_EQ(refusal("{'shape': (1,)}"), "its header lacks one of descr, fortran_order and shape");
}

TEST_F(NpyTest, DamagedFilesEndInAValueOrASentence) {
  const std::string whole = FileOf(HeaderOf("<f4", "(2, 3)"), Raw(kNumbers));
  for (uint64_t round = 0; round < 2000; ++round) {
    const std::filesystem::path path = folder_.Put("x.npy", Damaged(whole, round));
    const std::string sentence = Thrown([&] { NpyFile file(path); });
    ASSERT_TRUE(sentence == "nothing was thrown" || sentence.starts_with("cannot read ")) << round;
  }
}

}  // namespace
}  // namespace rotary
