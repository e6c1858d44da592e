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

bool IsWithin(int distance, std::string_view a, std::string_view b) {
  // Lengths first: a word may be megabytes long.
  const size_t difference = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  return difference <= static_cast<size_t>(distance) && EditDistance(a, b) <= distance;
}

std::string_view Nearest(std::string_view word, std::span<const std::string_view> known) {
  int most = std::max(1, static_cast<int>(word.size()) / 3);
  std::string_view nearest;
  for (const std::string_view name : known) {
    if (!IsWithin(most, word, name)) continue;
    nearest = name;
    most = EditDistance(word, name) - 1;
    if (most < 0) break;
  }
  return nearest;
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
