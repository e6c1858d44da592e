#include "rotary/lab/page.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "rotary/base/error.h"

namespace rotary {

// Compiled in from assets/ and from Debian's libjs-chart.js (CMakeLists.txt).
extern const std::string_view kPageStyle;
extern const std::string_view kPageScript;
extern const std::string_view kChartLibrary;

namespace {

using Json = nlohmann::json;

Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

// Six digits are more than a pixel; a page of full-precision curves would be three times as large.
Json Numbers(const std::vector<double>& values) {
  Json numbers = Json::array();
  for (const double value : values) {
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", value);
    numbers.push_back(std::isfinite(value) ? Json(std::strtod(text, nullptr)) : Json(nullptr));
  }
  return numbers;
}

void CheckSeries(const Series& series) {
  Require(series.y.size() == series.x.size(), "chart: series \"", series.name, "\" has ",
          series.x.size(), " x but ", series.y.size(), " y");
  Require(series.low.size() == series.high.size() &&
              (series.low.empty() || series.low.size() == series.x.size()),
          "chart: the band of series \"", series.name, "\" must have ", series.x.size(),
          " points or none, got ", series.low.size(), " and ", series.high.size());
  Require(series.style >= 0 && series.style < kSeriesStyles, "chart: a style is below ",
          kSeriesStyles, ", got ", series.style);
}

void CheckTable(const Table& table) {
  const size_t columns = !table.header.empty() ? table.header.size()
                         : table.rows.empty()  ? 0
                                               : table.rows[0].size();
  for (const auto& row : table.rows) {
    Require(row.size() == columns, "table: a row has ", row.size(), " cells, not ", columns);
  }
  Require(table.styles.empty() || table.styles.size() == table.rows.size(),
          "table: ", table.styles.size(), " styles for ", table.rows.size(), " rows");
}

// Code points of UTF-8: close enough to the columns of a terminal for what tables hold.
size_t Characters(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// No line break between a number and its uncertainty.
std::string KeepTogether(std::string text) {
  constexpr std::string_view kApart = " ± ", kTogether = "&nbsp;±&nbsp;";
  for (size_t at = text.find(kApart); at != text.npos;
       at = text.find(kApart, at + kTogether.size())) {
    text.replace(at, kApart.size(), kTogether);
  }
  return text;
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string ScriptText(std::string_view json) {
  std::string safe;
  for (const char c : json) {
    if (c == '<') {
      safe += "\\u003c";
    } else {
      safe += c;
    }
  }
  return safe;
}

std::string Thousands(double value) {
  const std::string digits = fmt::format("{:.0f}", value);
  std::string text;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text += ',';
    text += digits[i];
  }
  return text;
}

std::string Decimals(double value, int digits) {
  const std::string text = fmt::format("{:.{}f}", std::abs(value), digits);
  const bool zero = text.find_first_not_of("0.") == text.npos;
  return value < 0 && !zero ? "\u2212" + text : text;
}

std::string TableToText(const Table& table) {
  CheckTable(table);
  std::vector<std::vector<std::string>> rows = {table.header};
  rows.insert(rows.end(), table.rows.begin(), table.rows.end());
  std::vector<size_t> widths(table.header.size(), 3);  // the least that Markdown's rule takes
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], Characters(row[i]));
  }
  std::string text = table.caption.empty() ? "" : table.caption + "\n\n";
  for (size_t r = 0; r < rows.size(); ++r) {
    text += "|";
    for (size_t i = 0; i < rows[r].size(); ++i) {
      const std::string blanks(widths[i] - Characters(rows[r][i]), ' ');
      // The name of a row stands to the left, its numbers to the right.
      text += i == 0 ? " " + rows[r][i] + blanks + " |" : " " + blanks + rows[r][i] + " |";
    }
    text += "\n";
    if (r > 0) continue;
    text += "|";
    for (size_t i = 0; i < widths.size(); ++i) {
      text += (i == 0 ? " " + std::string(widths[i], '-')
                      : " " + std::string(widths[i] - 1, '-') + ":") +
              " |";
    }
    text += "\n";
  }
  return text;
}

Page::Page(std::string_view title, std::string_view lead, std::string_view kicker) : title_(title) {
  body_ += "<header>\n";
  if (!kicker.empty()) body_ += "<p class=\"kicker\">" + EscapeHtml(kicker) + "</p>\n";
  constexpr size_t kLong = 90;
  body_ += title.size() > kLong ? "<h1 class=\"long\">" : "<h1>";
  body_ += EscapeHtml(title) + "</h1>\n";
  if (!lead.empty()) body_ += "<p class=\"lead\">" + EscapeHtml(lead) + "</p>\n";
  body_ += "</header>\n";
}

void Page::Section(std::string_view title, std::string_view note) {
  body_ += "<h2>" + EscapeHtml(title) + "</h2>\n";
  Note(note);
}

void Page::Subsection(std::string_view title) { body_ += "<h3>" + EscapeHtml(title) + "</h3>\n"; }

void Page::Paragraph(std::string_view text) { body_ += "<p>" + EscapeHtml(text) + "</p>\n"; }

void Page::Note(std::string_view text) {
  if (text.empty()) return;
  body_ += "<p class=\"note\">" + EscapeHtml(text) + "</p>\n";
}

void Page::Findings(const std::vector<std::pair<std::string, std::string>>& findings) {
  body_ += "<dl class=\"findings\">\n";
  for (const auto& [topic, sentence] : findings) {
    body_ += "<div><dt>" + EscapeHtml(topic) + "</dt><dd>" + KeepTogether(EscapeHtml(sentence)) +
             "</dd></div>\n";
  }
  body_ += "</dl>\n";
}

void Page::Code(std::string_view text) { body_ += "<pre>" + EscapeHtml(text) + "</pre>\n"; }

void Page::Markup(std::string_view html) { body_ += html; }

void Page::Add(const Chart& chart) { Add(std::vector<Chart>{chart}); }

void Page::Add(const std::vector<Chart>& charts) {
  for (const Chart& chart : charts) {
    for (const Series& series : chart.series) CheckSeries(series);
  }
  if (charts.empty()) return;
  body_ += "<div class=\"row\">\n";
  for (const Chart& chart : charts) AddFigure(chart);
  body_ += "</div>\n";
}

void Page::AddFigure(const Chart& chart) {
  const std::string id = "chart-" + std::to_string(++chart_count_);
  Json series = Json::array();
  std::string names;
  for (const Series& each : chart.series) {
    names += (names.empty() ? "" : ", ") + each.name;
    series.push_back({{"name", each.name},
                      {"label", each.label.empty() ? each.name : each.label},
                      {"style", each.style},
                      {"x", Numbers(each.x)},
                      {"y", Numbers(each.y)},
                      {"low", Numbers(each.low)},
                      {"high", Numbers(each.high)},
                      {"markers", each.markers}});
  }
  const Json data = {{"id", id},
                     {"x_label", chart.x_label},
                     {"y_label", chart.y_label},
                     {"log_x", chart.log_x},
                     {"log_y", chart.log_y},
                     {"x_min", OrNull(chart.x_min)},
                     {"x_max", OrNull(chart.x_max)},
                     {"y_min", OrNull(chart.y_min)},
                     {"y_max", OrNull(chart.y_max)},
                     {"x_ticks", chart.x_ticks},
                     {"line", OrNull(chart.line)},
                     {"series", std::move(series)}};
  charts_ += (charts_.empty() ? "" : ",\n") +
             ScriptText(data.dump(-1, ' ', false, Json::error_handler_t::replace));

  body_ += "<figure>\n<h3>" + EscapeHtml(chart.title) + "</h3>\n";
  if (!chart.note.empty()) body_ += "<p class=\"note\">" + EscapeHtml(chart.note) + "</p>\n";
  body_ += "<div class=\"plot\"><canvas id=\"" + id + "\" role=\"img\" aria-label=\"" +
           EscapeHtml("Chart: " + chart.y_label + " by " + chart.x_label + ", for " + names) +
           "\"></canvas></div>\n</figure>\n";
}

void Page::Add(const Table& table) { Add(std::vector<Table>{table}); }

void Page::Add(const std::vector<Table>& tables) {
  for (const Table& table : tables) CheckTable(table);
  body_ += "<div class=\"tables\">\n";
  for (const Table& table : tables) AddTable(table);
  body_ += "</div>\n";
}

void Page::AddTable(const Table& table) {
  // The caption stands outside of what a narrow screen scrolls sideways, and that can be reached by
  // keyboard.
  body_ += "<div class=\"table\">\n";
  std::string label;
  if (!table.caption.empty()) {
    label = " aria-labelledby=\"table-" + std::to_string(++table_count_) + "\"";
    body_ += "<h3 id=\"table-" + std::to_string(table_count_) + "\">" + EscapeHtml(table.caption) +
             "</h3>\n";
  }
  body_ += "<div class=\"scroll\" tabindex=\"0\">\n<table" + label;
  if (!table.id.empty()) body_ += " id=\"" + EscapeHtml(table.id) + "\"";
  if (table.header.empty()) body_ += " class=\"facts\"";
  body_ += ">\n";
  if (!table.header.empty()) {
    body_ += "<thead><tr>";
    for (const std::string& cell : table.header) {
      body_ += "<th scope=\"col\">" + EscapeHtml(cell) + "</th>";
    }
    body_ += "</tr></thead>\n";
  }
  body_ += "<tbody>\n";
  for (size_t row = 0; row < table.rows.size(); ++row) {
    body_ += "<tr>";
    for (size_t column = 0; column < table.rows[row].size(); ++column) {
      const std::string cell = EscapeHtml(table.rows[row][column]);
      if (column != 0) {
        body_ += "<td>" + cell + "</td>";
        continue;
      }
      body_ += "<th scope=\"row\">";
      if (!table.styles.empty()) {
        body_ += "<span class=\"mark s" + std::to_string(table.styles[row]) + "\"></span>";
      }
      body_ += cell + "</th>";
    }
    body_ += "</tr>\n";
  }
  body_ += "</tbody>\n</table>\n</div>\n</div>\n";
}

std::string Page::Html() const {
  // The policy keeps the page to itself: nothing can be loaded or sent, whatever the text on it
  // says.
  std::string html =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
      "<link rel=\"icon\" href=\"data:,\">\n<title>" +
      EscapeHtml(title_) + "</title>\n<style>\n";
  html += kPageStyle;
  html += "</style>\n</head>\n<body>\n<main>\n" + body_ + "</main>\n";
  if (chart_count_ > 0) {
    html += "<script type=\"application/json\" id=\"chart-data\">\n[" + charts_ +
            "]\n</script>\n<script>\n";
    html += kChartLibrary;
    html += "\n</script>\n<script>\n";
    html += kPageScript;
    html += "</script>\n";
  }
  return html + "</body>\n</html>\n";
}

}  // namespace rotary
