// For tests of pages.
#ifndef ROTARY_LAB_TEST_PAGE_H_
#define ROTARY_LAB_TEST_PAGE_H_

#include <cstddef>
#include <string>

namespace rotary {

// How often `part` stands in `text`.
inline size_t Count(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != text.npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace rotary

#endif  // ROTARY_LAB_TEST_PAGE_H_
