// Properties: no line is wider than 100 columns but for a longer word; no word is lost; faults come
// before notes, each with its cause, fix and threads.
#include "rotary/doctor/findings_text.h"

#include <sstream>
#include <string>

#include "gtest/gtest.h"

namespace rotary {
namespace {

TEST(FindingsTextTest, ParagraphsAreAHundredColumnsWide) {
  std::string words;
  for (int i = 0; i < 200; ++i) {
    words.append(static_cast<size_t>(1 + i * 7 % 13), static_cast<char>('a' + i % 26)).append(" ");
  }
  words.append(120, 'z').append(" end");
  for (const size_t indent : {0, 10}) {
    std::istringstream lines(Paragraph(words, indent));
    std::string all;
    for (std::string line; std::getline(lines, line);) {
      const bool is_first = all.empty();
      const std::string text = is_first ? line : line.substr(indent);
      if (!is_first) {
        EXPECT_EQ(line.substr(0, indent), std::string(indent, ' '));
      }
      EXPECT_TRUE(text.size() + indent <= 100 || text.find(' ') == text.npos) << line;
      EXPECT_NE(text.front(), ' ');
      EXPECT_NE(text.back(), ' ');
      all.append(is_first ? "" : " ").append(text);
    }
    EXPECT_EQ(all, words);
  }
  // As full as can be: 49 + 1 + 50 columns.
  EXPECT_EQ(Paragraph(std::string(49, 'a').append(" ").append(50, 'b')).find('\n'), 100u);
  EXPECT_EQ(Paragraph(std::string(50, 'a').append(" ").append(50, 'b')).find('\n'), 50u);
  EXPECT_EQ(Paragraph(""), "\n");
  EXPECT_EQ(Fact("name", "text"), "name         text\n");
}

TEST(FindingsTextTest, FaultsFirstWithTheirCauses) {
  const std::string text = FindingsText({{"tables-rounded", Severity::kNote, "Tables."},
                                         {"position-shifted", Severity::kNote, "Not given."},
                                         {"rotated-twice", Severity::kFault, "Twice."}});
  EXPECT_EQ(text.find("\nfault rotated-twice: Twice.\n  cause   The model rotates"), 0u);
  EXPECT_NE(text.find("\n  fix     Let one place rotate.\n"
                      "  seen in https://github.com/NVIDIA/TensorRT-LLM/pull/16378\n"
                      "\nnote tables-rounded: Tables.\n  cause "),
            text.npos);
  EXPECT_TRUE(text.ends_with("\nnote position-shifted: Not given.\n"));
  EXPECT_EQ(FindingsText({{"none-found", Severity::kNote, "As it should be."}}), "");
}

}  // namespace
}  // namespace rotary
