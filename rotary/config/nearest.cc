#include "rotary/config/nearest.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace rotary {

int EditDistance(std::string_view a, std::string_view b) {
  std::vector<int> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (size_t i = 0; i < a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i) + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const int replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

std::string_view Nearest(std::string_view word, std::span<const std::string_view> known) {
  const auto nearest = std::min_element(known.begin(), known.end(), [&](auto a, auto b) {
    return EditDistance(word, a) < EditDistance(word, b);
  });
  const int length = static_cast<int>(word.size());
  const bool near =
      nearest != known.end() && EditDistance(word, *nearest) <= std::max(1, length / 3);
  return near ? *nearest : std::string_view();
}

std::string DidYouMean(std::string_view word, std::span<const std::string_view> known) {
  if (const std::string_view nearest = Nearest(word, known); !nearest.empty()) {
    return "did you mean " + std::string(nearest) + "?";
  }
  std::string text = "known are ";
  for (const std::string_view name : known) {
    if (text.back() != ' ') text += ", ";
    text += name;
  }
  return text;
}

}  // namespace rotary
