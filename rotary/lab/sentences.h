// What an experiment shows, in sentences computed from its numbers that claim no more than these
// hold.
//
// A difference is claimed where zero lies outside its 95% interval over paired seeds, which never
// is narrower than two standard errors (Estimate::Interval); else the two are called not
// distinguishable. With one seed nothing is compared.
#ifndef ROTARY_LAB_SENTENCES_H_
#define ROTARY_LAB_SENTENCES_H_

#include <string>
#include <vector>

#include "rotary/lab/results.h"

namespace rotary {

struct Statement {
  std::string topic;  // a word or two
  std::string sentence;
};

// All of the below that apply, most important first.
std::vector<Statement> Statements(const Experiment& experiment);

// Each compares the experiment's first encoding with all others in one sentence, or is empty where
// it does not apply: with one seed or one encoding.
std::string EarlySentence(
    const Experiment& experiment);  // training loss after a tenth of the steps
std::string FinalSentence(const Experiment& experiment);  // held-out loss at the end
std::string StepsSentence(
    const Experiment& experiment);  // steps to a loss that the first encoding reaches
std::string LengthSentence(
    const Experiment& experiment);  // change of loss from the shortest to the longest windows
std::string SpeedSentence(const Experiment& experiment);  // tokens a second

// That nothing is compared; empty with more than one seed.
std::string OneSeedSentence(const Experiment& experiment);
// Which encodings cannot go beyond which length; empty where all can.
std::string CannotSentence(const Experiment& experiment);

// "Predicting the next byte"
std::string ExperimentTitle(const Experiment& experiment);

// What a ± in the sentences means; empty with one seed.
std::string IntervalNote(const Experiment& experiment);

// As people write it: "ALiBi" for alibi, "no positions" for none.
std::string DisplayName(const std::string& encoding);

}  // namespace rotary

#endif  // ROTARY_LAB_SENTENCES_H_
