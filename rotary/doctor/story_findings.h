// The rules that explain frequencies, as guesses to try and as findings.
#ifndef ROTARY_DOCTOR_STORY_FINDINGS_H_
#define ROTARY_DOCTOR_STORY_FINDINGS_H_

#include <optional>
#include <string>
#include <vector>

#include "rotary/doctor/expectation.h"
#include "rotary/doctor/stories.h"

namespace rotary {

// What a config asks of `pairs` frequencies, each on one axis; nothing where its frequencies are a
// list of another length.
std::optional<ExpectedRule> ExpectedRuleOf(const std::optional<Expectation>& expected, int pairs);

// The codes of findings that a story means, such as "theta-differs"; without a config only
// "frequencies-rounded".
std::vector<std::string> CodesOf(const Story& story);

// Each story as a guess, its frequencies rounded as it says.
//   expected  what the config asks for; null: no config
std::vector<SpectrumGuess> GuessesOf(const Stories& stories, const ExpectedRule* expected);

}  // namespace rotary

#endif  // ROTARY_DOCTOR_STORY_FINDINGS_H_
