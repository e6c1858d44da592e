// Scoring what an engine computed against the golden vectors, and naming the first rule it breaks.
//
// Rules, in the order in which they are tried (conformance/README.md says what each means, and
// conformance/check.py does the same in Python):
//   output            the file can be read, y is there, f64, f32, bf16 or f16, of the shape of x
//   finite            no NaN, no infinity
//   span              channels in no pair are x to the bit
// and then only where some channel is further from the exact y than the tolerance allows:
//   angles            the two angles of a pair (rotations that are no group have no further rules)
//   attention factor  the length of all channels that turn
//   pairing           the length of each pair; decay: the same where the rotation has log_decay
//   direction         all pairs turn the other way
//   rounding          all angles are right: errors do not grow with them
//   precision         all angles are right to 1/64 of themselves
//   axes              pairs turn where the position on their axis is 0
//   positions         pairs turn at position 0, or agree with no frequency
//   frequencies       pairs turn at a steady rate, but not theirs
//   gradient          d_x is further from the exact one than the tolerance allows
#ifndef ROTARY_GOLDEN_SCORE_H_
#define ROTARY_GOLDEN_SCORE_H_

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "rotary/base/tensor.h"
#include "rotary/golden/golden_case.h"
#include "rotary/golden/golden_tensors.h"

namespace rotary {

// How far, as a share of g times the length of the pair, an output of `dtype` may be from the exact
// one where the angle is sum |frequency position| = `angle`.
double AllowedError(Tolerance tolerance, DType dtype, double angle);

struct BrokenRule {
  std::string rule, sentence;
};

// Nothing where `y` keeps all rules.
std::optional<BrokenRule> FirstBrokenRule(const GoldenCase& golden, const GoldenTensors& tensors,
                                          ConstTensorView y);
std::optional<BrokenRule> BrokenGradient(const GoldenCase& golden, const GoldenTensors& tensors,
                                         ConstTensorView d_x);

struct GoldenScore {
  std::string name, level;
  bool offered = true;  // false: no file of outputs, or no gradient at level backward
  std::optional<BrokenRule> broken;
};

// Scores OUTPUTS/NAME.safetensors, which holds y and may hold d_x, for every case of `suite`. A
// file that is not readable breaks the rule output. Throws FileError: the suite is not readable, or
// `outputs` is no folder, holds no such file, or one whose NAME is no case.
std::vector<GoldenScore> ScoreFolder(const std::filesystem::path& suite,
                                     const std::filesystem::path& outputs);

}  // namespace rotary

#endif  // ROTARY_GOLDEN_SCORE_H_
