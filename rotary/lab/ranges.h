// Lists of whole numbers as people type them: "0..12", "0..100..10", "0,1,5", "-3..3,100".
#ifndef ROTARY_LAB_RANGES_H_
#define ROTARY_LAB_RANGES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rotary {

// Parts apart by commas, in their order: a number, FIRST..LAST, or FIRST..LAST..STEP; both ends
// count. Throws std::invalid_argument, in the name of `what`: not such a list, the last before the
// first, a step below 1, more than `most` numbers.
std::vector<int64_t> ParseRanges(std::string_view text, const std::string& what,
                                 int64_t most = 1'000'000);

}  // namespace rotary

#endif  // ROTARY_LAB_RANGES_H_
