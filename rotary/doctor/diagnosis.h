// From tensors to words: which rotation was applied, and how it differs from what was asked for.
#ifndef ROTARY_DOCTOR_DIAGNOSIS_H_
#define ROTARY_DOCTOR_DIAGNOSIS_H_

#include <optional>
#include <string>
#include <vector>

#include "rotary/doctor/expectation.h"
#include "rotary/doctor/finding.h"
#include "rotary/doctor/samples.h"
#include "rotary/rope/rotation.h"

namespace rotary {

struct Diagnosis {
  std::string verdict;  // the rotation that was found, then what the config says otherwise
  Certainty certainty = Certainty::kCannotTell;
  std::vector<Finding> findings;  // one at least
  // What was applied, where it is known. Frequencies are those that were measured, or those of the
  // rule that explains them.
  std::optional<Rotation> rotation;
  std::string layout;  // "half", "interleaved", "other"; empty: unknown
  int head_dim = 0, rotary_dim = 0, offset = 0;
  std::string spectrum;  // "theta 10,000 with yarn (factor 4)"
  std::optional<double> theta;
  std::string rule;                        // empty: unknown
  std::optional<double> factor;            // of the rule
  std::optional<double> attention_factor;  // g
  bool is_inverse = false;
  std::string positions;  // "as given", "counted from 0"; empty: unknown
  std::optional<double> position_shift;
  std::string arithmetic;            // "exact", "float32", "bfloat16 tables"; empty: unknown
  std::vector<std::string> stories;  // equivalents.h: other words, and what is left open
  double residual = 0;  // root mean square of what the rotation leaves of y, relative to y
  double noise = 0;     // that of rounding y to its dtype
};

// Throws std::invalid_argument as CheckObservation does, for a number that is not finite, and for
// positions of several axes that are not those of what was expected, or where nothing was.
//
// Work: tokens heads head_dim^2 products for some 100 tokens, and some 10^8 operations for the
// hypotheses; one pass over all tokens for what heads, rows and tokens have of their own.
Diagnosis Diagnose(const Observation& observation, const std::optional<Expectation>& expected);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_DIAGNOSIS_H_
