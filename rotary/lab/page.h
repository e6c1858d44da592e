// Report pages: one HTML file each that works offline, on a phone and on a desk, in light and in
// dark.
//
//   Page page("Decay of the bound", "Figure 2 of the paper, for any rotation");
//   page.Section("The curve");
//   page.Add(Chart{.title = "Bound by distance", .x_label = "distance", .series = {...}});
//   page.Add(Table{.header = {"distance", "bound"}, .rows = {{"0", "32.5"}}});
//   WriteFileAtomically("decay.html", page.Html());
//
// Charts are drawn by Chart.js 3.9 (MIT licence), which is compiled into the program and written
// into each page. A page asks for nothing from outside; its own policy forbids it to. Every text is
// escaped but that of Markup().
#ifndef ROTARY_LAB_PAGE_H_
#define ROTARY_LAB_PAGE_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rotary {

// `text` with the characters that mean something to HTML replaced.
std::string EscapeHtml(std::string_view text);

// JSON that may stand in a script element: no text in it can end the element.
std::string ScriptText(std::string_view json);

// Numbers for people: "1,234,567" without a fraction; "−0.014" with a minus sign, and none before
// zeros alone.
std::string Thousands(double value);
std::string Decimals(double value, int digits);

// A line of a chart, and the range around it.
struct Series {
  std::string name;   // in the readings under the pointer
  std::string label;  // at the line's end; empty: the name
  int style = 0;      // colour and dashes, below kSeriesStyles; 0 is the one to look at first
  std::vector<double> x, y;
  std::vector<double> low, high;  // empty, or as long as y: a band
  bool markers = false;           // a dot on every point: for few points
};

// Told apart by colour and by dashes; the colours keep apart for the colour-blind (after Okabe and
// Ito 2008).
inline constexpr int kSeriesStyles = 7;

struct Chart {
  std::string title;
  std::string note;  // under the title: what a reader must know to read it; may be empty
  std::string x_label, y_label;
  bool log_x = false, log_y = false;
  std::optional<double> x_min, x_max, y_min, y_max;     // absent: from the data
  std::vector<std::pair<double, std::string>> x_ticks;  // empty: chosen
  std::optional<double> line;  // a thin horizontal line here: zero of a difference
  std::vector<Series> series;
};

struct Table {
  std::string id;                              // of the element; may be empty
  std::string caption;                         // may be empty
  std::vector<std::string> header;             // empty: none, and the cells stand to the left
  std::vector<std::vector<std::string>> rows;  // all of one length; the first cell names the row
  std::vector<int> styles;  // empty, or by row the Series::style of a mark before its name
};

// A table for a terminal, and for a Markdown file: cells apart by "|", columns aligned.
std::string TableToText(const Table& table);

// A page, filled from top to bottom.
class Page {
 public:
  // `kicker` stands small over the title, `lead` in grey under it; both may be empty.
  Page(std::string_view title, std::string_view lead, std::string_view kicker = "");

  void Section(std::string_view title, std::string_view note = "");
  void Subsection(std::string_view title);
  void Paragraph(std::string_view text);
  void Note(std::string_view text);  // small and grey; nothing where it is empty
  // What a reader who reads nothing else should read: a topic and a sentence each.
  void Findings(const std::vector<std::pair<std::string, std::string>>& findings);
  void Code(std::string_view text);
  // Throws std::invalid_argument where a series' lists differ in length, or its style is unknown.
  void Add(const Chart& chart);
  // Side by side where the screen is wide enough.
  void Add(const std::vector<Chart>& charts);
  // Throws std::invalid_argument where a row is not as long as the header or the first row.
  void Add(const Table& table);
  void Add(const std::vector<Table>& tables);  // side by side, as charts
  // Trusted HTML, such as an SVG; not escaped.
  void Markup(std::string_view html);

  std::string Html() const;

 private:
  void AddFigure(const Chart& chart);
  void AddTable(const Table& table);

  std::string title_;
  std::string body_;
  std::string charts_;  // JSON objects, joined by commas
  int chart_count_ = 0, table_count_ = 0;
};

}  // namespace rotary

#endif  // ROTARY_LAB_PAGE_H_
