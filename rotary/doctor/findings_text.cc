#include "rotary/doctor/findings_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace rotary {
namespace {

constexpr size_t kColumns = 100;

std::string FindingText(const Finding& finding) {
  std::string text = "\n";
  text +=
      Paragraph(fmt::format("{} {}: {}", Name(finding.severity), finding.code, finding.sentence));
  const Cause* cause = LikelyCause(finding);
  if (cause == nullptr) return text;
  const auto add = [&](std::string_view name, std::string_view words) {
    if (!words.empty()) text += fmt::format("  {:<8}", name) + Paragraph(words, 10);
  };
  add("cause", cause->cause);
  add("fix", cause->fix);
  for (const std::string_view source : cause->sources) {
    add(source == cause->sources.front() ? "seen in" : "", source);
  }
  return text;
}

}  // namespace

std::string Paragraph(std::string_view text, size_t indent) {
  std::string lines;
  size_t column = indent;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (column > indent && column + 1 + word.size() > kColumns) {
      lines.append(1, '\n').append(indent, ' ');
      column = indent;
    }
    if (column > indent) {
      lines += ' ';
      ++column;
    }
    lines += word;
    column += word.size();
  }
  return lines + '\n';
}

std::string Fact(std::string_view name, std::string_view text) {
  return fmt::format("{:<12} ", name) + Paragraph(text, 13);
}

std::string FindingsText(const std::vector<Finding>& findings) {
  std::string text;
  for (const Severity severity : {Severity::kFault, Severity::kNote}) {
    for (const Finding& finding : findings) {
      if (finding.severity != severity || finding.code == "none-found") continue;
      text += FindingText(finding);
    }
  }
  return text;
}

}  // namespace rotary
