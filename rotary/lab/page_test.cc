// Properties proved here:
//  - every text that reaches a page is escaped: in the body, in attributes, and in the data of
//  charts, from where nothing
//    can end the script element
//  - a page holds the chart library whole, and names nothing outside itself
//  - lists that do not fit together are refused with their sentence
// tests/page_test.py opens pages in a browser.
#include "rotary/lab/page.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "rotary/io/test_folder.h"

namespace rotary {
namespace {

size_t Count(std::string_view text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(Page, EscapesEveryText) {
  const std::string evil = "</script><img src=x onerror='alert(\"1\")'>&";
  Page page(evil, evil, evil);
  page.Section(evil, evil);
  page.Paragraph(evil);
  page.Subsection(evil);
  page.Note(evil);
  page.Findings({{evil, evil}});
  page.Code(evil);
  page.Add(Chart{.title = evil,
                 .note = evil,
                 .x_label = evil,
                 .y_label = evil,
                 .x_ticks = {{1, evil}},
                 .series = {{.name = evil, .x = {1}, .y = {2}}}});
  page.Add(Table{.id = evil, .caption = evil, .header = {evil}, .rows = {{evil}}});
  const std::string html = page.Html();
  EXPECT_EQ(Count(html, "<img"), 0u);
  EXPECT_EQ(Count(html, "onerror='"), 5u);  // the data: two axes, a tick, a name, a label
  EXPECT_EQ(Count(html, "</script>"), 3u);  // data, library, page.js
  EXPECT_EQ(Count(html, "\\u003c/script>\\u003cimg"), 5u);
}

TEST(Page, EscapesTheFiveCharacters) {
  EXPECT_EQ(EscapeHtml("a<b>&\"'\xC3\xA9"), "a&lt;b&gt;&amp;&quot;&#39;\xC3\xA9");
}

TEST(Page, HoldsTheChartLibraryOnlyWhereItHasCharts) {
  std::ifstream file(ROTARY_CHART_LIBRARY);
  std::stringstream library;
  library << file.rdbuf();
  ASSERT_GT(library.str().size(), 100000u);
  Page page("t", "");
  EXPECT_EQ(Count(page.Html(), "<script"), 0u);
  page.Add(Chart{.series = {{.name = "line", .x = {1, 2}, .y = {3, 4}}}});
  EXPECT_EQ(Count(page.Html(), library.str()), 1u);
}

TEST(Page, NamesNothingOutsideItself) {
  Page page("t", "lead");
  page.Add(Table{.header = {"a"}, .rows = {{"b"}}});
  const std::string html = page.Html();
  EXPECT_EQ(Count(html, "http:"), 0u);
  EXPECT_EQ(Count(html, "https:"), 0u);
  EXPECT_EQ(Count(html, "default-src 'none'"), 1u);
}

TEST(Page, WritesNumbersThatJsonCannotHoldAsGaps) {
  Page page("t", "");
  page.Add(Chart{.series = {{.name = "s", .x = {1, 2}, .y = {1.0 / 3, 0.0 / 0.0}}}});
  EXPECT_EQ(Count(page.Html(), "\"y\":[0.333333,null]"), 1u);
}

TEST(TableToText, AlignsItsColumns) {
  EXPECT_EQ(TableToText(Table{.caption = "Loss",
                              .header = {"encoding", "n"},
                              .rows = {{"a", "1.0 ± 0.1"}, {"sinusoidal", "2"}}}),
            "Loss\n\n"
            "| encoding   |         n |\n"
            "| ---------- | --------: |\n"
            "| a          | 1.0 ± 0.1 |\n"
            "| sinusoidal |         2 |\n");
}

TEST(Page, RefusesListsThatDoNotFit) {
  Page page("t", "");
  const std::string before = page.Html();
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              page.Add(Chart{.series = {{.name = "s", .x = {1, 2}, .y = {1}}}});
            }),
            "chart: series \"s\" has 2 x but 1 y");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              page.Add(Chart{.series = {{.name = "s", .x = {1}, .y = {1}, .low = {0}}}});
            }),
            "chart: the band of series \"s\" must have 1 points or none, got 1 and 0");
  EXPECT_EQ(Thrown<std::invalid_argument>(
                [&] { page.Add(Chart{.series = {{.name = "s", .style = 7}}}); }),
            "chart: a style is below 7, got 7");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              page.Add(Table{.header = {"a", "b"}, .rows = {{"c"}}});
            }),
            "table: a row has 1 cells, not 2");
  EXPECT_EQ(Thrown<std::invalid_argument>([&] {
              page.Add(Table{.header = {"a"}, .rows = {{"c"}}, .styles = {1, 2}});
            }),
            "table: 2 styles for 1 rows");
  EXPECT_EQ(page.Html(), before);
}

}  // namespace
}  // namespace rotary
