// Stories in words.
#ifndef ROTARY_DOCTOR_STORY_TEXT_H_
#define ROTARY_DOCTOR_STORY_TEXT_H_

#include <string>
#include <vector>

#include "rotary/doctor/rule_fit.h"
#include "rotary/doctor/story.h"

namespace rotary {

// A number with the digits that its standard deviation leaves: "10234.5", "2.3e+06".
std::string WithDeviation(double value, double deviation);

// The numbers of a fit as parameters of a story.
std::vector<StoryParameter> ParametersOf(const RuleFit& fit);

// "theta 10000 with linear: factor 4, every frequency doubled (rotated twice)". With a config, what
// it says instead is added: "...; the config says theta 500000".
//   config  null: none
std::string SentenceOf(const Evidence& evidence, const RuleFit& fit, const Hypothesis* config);

// What the evidence cannot tell, one sentence each, given the story that explains it best.
std::vector<std::string> LimitsOf(const Evidence& evidence, const Story& story);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_STORY_TEXT_H_
