// A story: a rule of rotations, with its numbers, that explains measured frequencies.
#ifndef ROTARY_DOCTOR_STORY_H_
#define ROTARY_DOCTOR_STORY_H_

#include <string>
#include <vector>

#include "rotary/doctor/precision.h"
#include "rotary/rope/rules.h"

namespace rotary {

// Frequencies as they were measured, pair by pair in the order of the layout.
struct MeasuredSpectrum {
  int head_dim = 0, rotary_dim = 0;
  // [rotary_dim / 2], radians per position. Of a reversed rotation, the caller turns the signs
  // first. A pair that stands still has frequency 0 and the deviation that says how surely.
  std::vector<double> frequency;
  std::vector<double> deviation;  // standard deviations; infinite: nothing is known
};

// What a config asks for.
struct ExpectedRule {
  double theta = 0;
  Rule rule;
  double length = 0;   // tokens, for rules that ask
  int rotary_dim = 0;  // 0: as measured; else exponents may be over as many channels
  // Not empty: the list itself (that of a checkpoint); theta and rule then say nothing.
  std::vector<double> frequency = {};  // [rotary_dim / 2]
};

// How frequencies were computed or kept.
enum class FrequencyArithmetic {
  kUnknown,         // the deviations are larger than what would tell
  kExact,           // double
  kFloat32,         // float: as transformers, rounded once, or within a few units in the last place
  kRunningProduct,  // float, each from the one before
  kTF32,            // rounded to 11 bits
  kF16,             // the same with binary16's range
  kBF16,            // rounded to 8 bits
};

// "float32", "bf16".
std::string_view Name(FrequencyArithmetic arithmetic);

// The format in which frequencies are kept: kDouble of kExact, kUnknown, kRunningProduct.
Precision PrecisionOf(FrequencyArithmetic arithmetic);

// In which ways a story is not the config's.
enum class ConfigDifference {
  kTheta,
  kScalingMissing,  // the config's theta or another, without the config's rule
  kScalingDiffers,  // another rule than the config's, or another number in it
  kLength,          // the config's rule for a text of another length
  kDenominator,     // exponents over another number of channels than rotary_dim
  kTwice,           // every frequency doubled
  kScale,           // every frequency times another number: positions counted in other units
  kRounding,        // frequencies kept in tf32, f16 or bf16
  kOther,           // nothing of the config's is left
};

// "theta", "scaling-missing".
std::string_view Name(ConfigDifference difference);

// A number of a rule.
struct StoryParameter {
  std::string name;  // as configs spell it: "theta", "factor", "original_max_position_embeddings"
  double value = 0;
  double deviation = 0;    // how far the data leave it open: standard deviation; 0: not open
  bool customary = false;  // a round or usual number, or the config's, that the data allow
};

struct Story {
  std::string name;  // of the rule as configs spell it, "list" (the config's), "own" (no rule)
  Rule rule;
  double theta = 0;
  double length = 0;    // of the text, where the rule asks
  int denominator = 0;  // frequencies are theta^(-2j / denominator); mostly rotary_dim
  double scale = 1;     // on all frequencies: 2 is a rotation applied twice
  FrequencyArithmetic arithmetic = FrequencyArithmetic::kUnknown;
  std::vector<StoryParameter> parameters;
  int free_parameters = 0;  // those that are not customary

  std::vector<double> frequency;  // [pairs], exactly what the story says
  std::vector<double> off;        // [pairs], (measured - said) / deviation; 0 where unknown
  double chi2 = 0;                // the sum of their squares
  int freedom = 0;                // pairs that were measured, less numbers that were fitted
  double cost = 0;                // of its numbers; stories are ordered by chi2 + cost

  std::vector<ConfigDifference> differences;  // with a config; empty: the same
  // From the first story: the largest distance between what the two say of a pair, in deviations.
  double distance = 0;
  bool same_rotation = false;  // as the first: other words for the same frequencies
  std::string sentence;        // "theta 10000 with linear: factor 4"
};

}  // namespace rotary

#endif  // ROTARY_DOCTOR_STORY_H_
