// Words for what a rotation is, shared by verdicts, findings, reports and pages.
#ifndef ROTARY_DOCTOR_WORDS_H_
#define ROTARY_DOCTOR_WORDS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rotary/doctor/explanation.h"

namespace rotary {

// Of at most 6 digits, or whole: "500,000", "1.5e-05", "0.25".
std::string Number(double value);

// "a", "a and b", "a, b and c".
std::string Joined(const std::vector<std::string>& words);

// "Head 2", "Rows 0, 3 and 4".
std::string Listed(const std::string& what, const std::vector<int64_t>& which);

// "half layout over 64 of 128 channels from 32 on"
std::string DescribeLayout(const ChannelLayout& layout, int head_dim);

// "yarn (factor 4)": the rule with the number that it is known by.
std::string ShortRule(const Rule& rule);

// Its factor; nothing where it has none.
std::optional<double> FactorOf(const Rule& rule);

// "theta 500,000", "theta 10,000 with yarn (factor 4)", "frequencies of their own"
std::string DescribeSpectrum(const SpectrumGuess& spectrum);

// The same of what was asked for: "frequencies of its own" where no rule makes them.
std::string DescribeAsked(const Expectation& expected);

// "the config" or "the rotation you gave"; and what they have.
std::string Asker(const Expectation& expected);
std::string OfAsker(const Expectation& expected);

// Of what was found: "the frequencies asked for" where they are, and no rule is known to make them.
std::string DescribeFound(const Explanation& found, const std::optional<Expectation>& expected);

// "as given", "counted from 0", "3 higher than given".
//   given  whether somebody said at which positions tokens were to stand
std::string DescribePositions(const PositionGuess& positions, bool given);

// The format in which frequencies were kept; kDouble: as exact as float32 or more.
Precision RoundingOfFrequencies(const Explanation& explanation);

// "exact", "float32", "frequencies in bfloat16, tables in float16"
std::string DescribeArithmetic(const Explanation& explanation);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_WORDS_H_
