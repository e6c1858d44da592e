// Which rotation a list of inverse frequencies makes, and whether it is what a config asks for.
#ifndef ROTARY_DOCTOR_FREQUENCY_CHECK_H_
#define ROTARY_DOCTOR_FREQUENCY_CHECK_H_

#include <optional>
#include <vector>

#include "rotary/base/dtype.h"
#include "rotary/doctor/expectation.h"
#include "rotary/doctor/table_diagnosis.h"

namespace rotary {

// Zeros, numbers that are no frequencies, and lists that follow no rule and do not even fall are
// faults; so is rounding to bf16, f16 or TF32.
//   frequency  [pairs], radians per position; at least one
//   stored     the dtype of the tensor
//   length     positions 0 .. length - 1 for which angles are compared
TableDiagnosis CheckFrequencies(const std::vector<double>& frequency, DType stored, double length,
                                const std::optional<Expectation>& expected);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_FREQUENCY_CHECK_H_
