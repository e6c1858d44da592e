// Properties: the name is what follows the first "model name" that has one, and never empty.
#include "rotary/base/cpu.h"

#include <sstream>

#include "gtest/gtest.h"

namespace rotary {
namespace {

std::string NameIn(const std::string& text) {
  std::istringstream cpuinfo(text);
  return CpuNameIn(cpuinfo);
}

TEST(CpuNameTest, IsTheFirstModelName) {
  EXPECT_EQ(NameIn("processor\t: 0\nmodel\t\t: 17\nmodel name\t: AMD EPYC\nmodel name\t: other\n"),
            "AMD EPYC");
  EXPECT_EQ(NameIn("model name :  Intel(R) Xeon(R) CPU @ 2.00GHz"),
            "Intel(R) Xeon(R) CPU @ 2.00GHz");
  EXPECT_EQ(NameIn("model name\nmodel name\t:\nmodel name\t: AMD EPYC\n"), "AMD EPYC");
}

TEST(CpuNameTest, IsUnknownWhereTheSystemDoesNotSay) {
  EXPECT_EQ(NameIn(""), "unknown");
  EXPECT_EQ(NameIn("processor\t: 0\nCPU architecture: 8\n"), "unknown");
  EXPECT_EQ(NameIn("model name\nmodel name\t:\nmodel name\t: \n"), "unknown");
  EXPECT_FALSE(CpuName().empty());
}

}  // namespace
}  // namespace rotary
