// What there is to say of a table of cosines and sines, or of a list of frequencies.
#ifndef ROTARY_DOCTOR_TABLE_DIAGNOSIS_H_
#define ROTARY_DOCTOR_TABLE_DIAGNOSIS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rotary/doctor/finding.h"

namespace rotary {

// The angle that is furthest off what it should be.
struct AngleError {
  double radians = 0;
  double position = 0;
  int64_t pair = 0;
};

struct TableDiagnosis {
  std::string verdict;
  Certainty certainty = Certainty::kCannotTell;
  std::vector<Finding> findings;  // one at least
  std::string kind;               // "cos and sin", "frequencies"
  std::string dtype;              // as stored
  std::string order, width;       // of cosines and sines, where they show
  int64_t rows = 0, pairs = 0;
  std::string story;  // "theta 10000 with yarn: ..."; empty: unknown
  std::optional<double> theta;
  std::string rule;  // empty: unknown
  std::optional<double> attention_factor;
  std::optional<double> position_shift;
  std::string arithmetic;
  std::vector<double> frequency;  // [pairs], those of the story, else those measured; or none
  // Against the config, or else the story, in exact arithmetic, over the rows looked at.
  std::optional<AngleError> worst;
};

// The verdict, what was found, and the numbers.
std::string TableText(const TableDiagnosis& diagnosis);

// {"verdict", "certainty", "kind", "dtype", "order", "width", "rows", "pairs", "story", "theta",
// "rule", "attention_factor", "position_shift", "arithmetic", "frequency", "worst_angle_error",
// "findings"}; what is unknown is null.
std::string TableJson(const TableDiagnosis& diagnosis);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_TABLE_DIAGNOSIS_H_
