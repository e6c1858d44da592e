// Heads, or rows, that turned otherwise than the others.
#ifndef ROTARY_DOCTOR_PARTS_H_
#define ROTARY_DOCTOR_PARTS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "rotary/doctor/explanation.h"
#include "rotary/doctor/samples.h"

namespace rotary {

// Heads, or rows, that one explanation does not serve.
struct Split {
  Explanation common;         // of most parts
  Samples explained;          // what it was made of: one of them
  std::vector<int64_t> odd;   // the others
  bool odd_untouched = true;  // whether they came out as they went in

  // What it weighs beside an explanation of all parts: more where the odd ones stay unexplained.
  double Faults() const {
    return common.faults + 1 + 0.5 * static_cast<double>(odd.size()) + (odd_untouched ? 0 : 3);
  }
};

// An explanation of more than half of the heads, or of the rows, where one does not serve all. Of
// the first three, what explains one is tried on all.
std::optional<Split> SplitIntoHeads(const Samples& samples,
                                    const std::optional<Expectation>& expected);
std::optional<Split> SplitIntoRows(const Samples& samples,
                                   const std::optional<Expectation>& expected);

// Rows that came out as they went in, where others turned and what explains those would have turned
// these too. They say nothing of the rotation of the others.
std::optional<Split> SplitUntouchedRows(const Samples& samples,
                                        const std::optional<Expectation>& expected);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_PARTS_H_
