// The search for what explains a table of cosines and sines.
#ifndef ROTARY_DOCTOR_TABLE_EXPLAINER_H_
#define ROTARY_DOCTOR_TABLE_EXPLAINER_H_

#include <optional>
#include <vector>

#include "rotary/doctor/explanation.h"
#include "rotary/doctor/stories.h"
#include "rotary/doctor/table_turns.h"

namespace rotary {

class TableExplainer {
 public:
  //   positions  [rows], of all rows; empty: 0 .. rows - 1
  //   unit       half a unit in the last place of numbers from 1 to 2
  //   expected   of one axis
  TableExplainer(const CosSinTable& table, const std::vector<double>& positions, double unit,
                 const std::optional<Expectation>& expected);

  const Samples& samples() const { return samples_; }
  const std::vector<double>& positions() const { return samples_.positions; }
  const MeasuredSpectrum& measured() const { return measured_; }
  // What the config asks for, where it has as many pairs; null where not.
  const std::vector<double>* wanted() const {
    return rule_ ? &expected_->rotation.frequency : nullptr;
  }

  // Nothing where there is neither a second row nor a config.
  std::optional<Explanation> Best();

  // After Best(): the story that a guess came from; null where it came from none.
  const Story* StoryOf(const SpectrumGuess& spectrum) const;

 private:
  std::optional<Expectation> expected_;
  Samples samples_;
  std::optional<ExpectedRule> rule_;
  ChannelLayout layout_;
  int head_dim_ = 0;
  TurnTable turns_;
  MeasuredSpectrum measured_;
  std::vector<Story> stories_;
};

}  // namespace rotary

#endif  // ROTARY_DOCTOR_TABLE_EXPLAINER_H_
