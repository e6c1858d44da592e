// What an implementation was asked to do, and the frequencies that it may have used instead.
#ifndef ROTARY_DOCTOR_EXPECTATION_H_
#define ROTARY_DOCTOR_EXPECTATION_H_

#include <optional>
#include <string>
#include <vector>

#include "rotary/config/rope_config.h"
#include "rotary/doctor/layout.h"
#include "rotary/doctor/precision.h"
#include "rotary/doctor/story.h"

namespace rotary {

// The rotation of queries or of keys of one group of layers.
struct Expectation {
  Rotation rotation;
  ChannelLayout layout;
  double theta = 0;
  Rule rule;
  double length = 0;  // of the rotation, for rules that ask
  double centre = 0;  // from where xPos counts
  bool of_keys = false;
  bool by_rule = false;   // whether theta and the rule make the frequencies
  bool by_config = true;  // who asks for it; else somebody who gave the rotation itself

  // Whether every pair has one turn at a position, in all heads alike.
  bool IsPlain() const {
    return rotation.IsGroup() && rotation.log_decay.empty() && rotation.heads == 1;
  }
};

// Throws std::invalid_argument where the group does not rotate queries (keys).
Expectation ExpectationOf(const LayerRope& group, bool of_keys, double length);

// Frequencies that may explain an observation.
struct SpectrumGuess {
  std::vector<std::string> codes;  // of the findings that it would mean; none: as expected
  std::vector<double> frequency;   // [pairs, axes]
  std::vector<double> float32_frequency = {};  // as training frameworks compute it; empty: unknown
  double faults = 0;                           // the weight of it in a score
  double theta = 0;                            // 0: unknown
  std::string rule;                            // "default", "yarn"; empty: unknown
  std::optional<Rule> made_by = {};            // that rule with its numbers
  double scale = 1;                            // on all its frequencies
  int denominator = 0;                         // of theta's exponents, where it is not 2 pairs
  // In which the frequencies are computed already.
  FrequencyArithmetic arithmetic = FrequencyArithmetic::kExact;
  int free_numbers = 0;  // that were fitted and are nobody's custom
};

// Appends the guess, unless one with these frequencies is there with no more faults; takes the
// place of one with more.
void AddDistinct(SpectrumGuess guess, std::vector<SpectrumGuess>& guesses);

// Which axis each pair reads: [pairs]; empty where there are several axes and a pair reads none or
// more than one.
std::vector<int> AxesOfPairs(const Rotation& rotation);

// [pairs]: each pair's frequency on the axis that it reads.
std::vector<double> FrequenciesOfPairs(const Rotation& rotation, const std::vector<int>& axes);

// [pairs, count]: each pair's frequency on its axis.
std::vector<double> OnTheirAxes(const std::vector<double>& frequency, const std::vector<int>& axes,
                                int count);

// Of a layout, without a look at what came out: as expected, without the scaling, with another
// denominator, doubled, with another theta that is in use, with axes in another order. Without an
// expectation: the thetas in use.
std::vector<SpectrumGuess> UsualSpectra(const std::optional<Expectation>& expected,
                                        const ChannelLayout& layout, int head_dim);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_EXPECTATION_H_
