// Properties: every input that is kept in the corpus of a target ends in a value whose promises
// hold or in a documented refusal, with any compiler and under any sanitizer.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "fuzz/fuzzing.h"
#include "gtest/gtest.h"

namespace {

TEST(ReplayTest, EveryInputEndsInAValueOrASentence) {
  int inputs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(ROTARY_FUZZ_CORPUS)) {
    std::ifstream in(entry.path(), std::ios::binary);
    ASSERT_TRUE(in) << entry.path();
    const std::string bytes{std::istreambuf_iterator<char>(in), {}};
    EXPECT_NO_THROW(
        LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()))
        << entry.path();
    ++inputs;
  }
  std::cout << inputs << " inputs of " << ROTARY_FUZZ_CORPUS << "\n";
  EXPECT_GT(inputs, 10);
}

}  // namespace
