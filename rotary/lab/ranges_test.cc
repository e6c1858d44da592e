// Properties: lists come out as they are written, with both ends; what is no list is refused in one
// sentence.
#include "rotary/lab/ranges.h"

#include <stdexcept>

#include "gtest/gtest.h"

namespace rotary {
namespace {

using Numbers = std::vector<int64_t>;

TEST(RangesTest, ListsComeOutAsTheyAreWritten) {
  EXPECT_EQ(ParseRanges("0..3", "x"), (Numbers{0, 1, 2, 3}));
  EXPECT_EQ(ParseRanges("7", "x"), (Numbers{7}));
  EXPECT_EQ(ParseRanges("-2..0", "x"), (Numbers{-2, -1, 0}));
  EXPECT_EQ(ParseRanges("0..10..5", "x"), (Numbers{0, 5, 10}));
  EXPECT_EQ(ParseRanges("0..9..5", "x"), (Numbers{0, 5}));
  EXPECT_EQ(ParseRanges("5,1,1..2,100", "x"), (Numbers{5, 1, 1, 2, 100}));
  EXPECT_EQ(ParseRanges("4..4", "x"), (Numbers{4}));
}

std::string ErrorOf(std::string_view text) {
  try {
    ParseRanges(text, "trace: positions");
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "";
}

TEST(RangesTest, RefusesWhatIsNoList) {
  for (const char* text : {"", "a", "1,", "1..", "..3", "1...3", "1.5", " 1", "0x10",
                           "99999999999999999999", "0..9223372036854775807"}) {
    EXPECT_EQ(ErrorOf(text), "trace: positions: \"" + std::string(text) +
                                 "\" is no list of whole numbers such as 0..12 or 0,1,5");
  }
  EXPECT_EQ(ErrorOf("0..8..2..1"),
            "trace: positions: \"0..8..2..1\" is no range such as 0..12 or 0..100..10");
  EXPECT_EQ(ErrorOf("5,3..1"), "trace: positions: a range goes up by 1 or more, got \"3..1\"");
  EXPECT_EQ(ErrorOf("1..3..0"), "trace: positions: a range goes up by 1 or more, got \"1..3..0\"");
  EXPECT_EQ(ErrorOf("0..999999,5"),
            "trace: positions: more than 1000000 numbers in \"0..999999,5\"");
  EXPECT_EQ(ErrorOf("0..1000000000000"),
            "trace: positions: more than 1000000 numbers in \"0..1000000000000\"");
}

}  // namespace
}  // namespace rotary
