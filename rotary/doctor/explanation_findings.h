// From an explanation to findings: each way in which it is not what was expected.
#ifndef ROTARY_DOCTOR_EXPLANATION_FINDINGS_H_
#define ROTARY_DOCTOR_EXPLANATION_FINDINGS_H_

#include <optional>
#include <string>
#include <vector>

#include "rotary/doctor/explanation.h"
#include "rotary/doctor/finding.h"

namespace rotary {

// Without an expectation: what is odd in itself.
std::vector<Finding> FindingsOf(const Explanation& explanation, const Samples& samples,
                                const std::optional<Expectation>& expected);

// "half layout over 64 of 128 channels"
std::string DescribeLayout(const ChannelLayout& layout, int head_dim);

// "theta 500,000", "theta 10,000 with yarn", "frequencies of their own"
std::string DescribeSpectrum(const SpectrumGuess& spectrum);

// "exact", "float32", "frequencies in bfloat16, tables in float16"
std::string DescribeArithmetic(const Explanation& explanation);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_EXPLANATION_FINDINGS_H_
