// The words of options that choose one of a few, for the command line and for files.
#ifndef ROTARY_TRAIN_CHOICES_H_
#define ROTARY_TRAIN_CHOICES_H_

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "rotary/base/error.h"
#include "rotary/model/model_config.h"
#include "rotary/rope/arithmetic.h"
#include "rotary/train/dataset.h"
#include "rotary/train/schedule.h"

namespace rotary {

using Words = std::vector<std::string>;

// In the order of the enum.
template <class Enum>
const Words& ChoiceNames() = delete;
template <>
inline const Words& ChoiceNames<PositionEncoding>() {
  return PositionEncodingNames();
}
template <>
inline const Words& ChoiceNames<FeatureMap>() {
  return FeatureMapNames();
}
template <>
inline const Words& ChoiceNames<Objective>() {
  static const Words words = {"causal", "mlm"};
  return words;
}
template <>
inline const Words& ChoiceNames<AttentionForm>() {
  static const Words words = {"softmax", "linear"};
  return words;
}
template <>
inline const Words& ChoiceNames<Layout>() {
  static const Words words = {"interleaved", "half"};
  return words;
}
template <>
inline const Words& ChoiceNames<Arithmetic>() {
  static const Words words = {"exact", "float32"};
  return words;
}
template <>
inline const Words& ChoiceNames<Decay>() {
  static const Words words = {"cosine", "linear"};
  return words;
}

template <class Enum>
const std::string& ChoiceName(Enum value) {
  return ChoiceNames<Enum>().at(static_cast<size_t>(value));
}

// "causal, mlm"
template <class Enum>
std::string ChoiceList() {
  std::string list;
  for (const std::string& word : ChoiceNames<Enum>()) list += (list.empty() ? "" : ", ") + word;
  return list;
}

// Throws std::invalid_argument, in the name of `option`, that lists the known words.
template <class Enum>
Enum ParseChoice(std::string_view option, std::string_view word) {
  const Words& words = ChoiceNames<Enum>();
  const auto found = std::find(words.begin(), words.end(), word);
  Require(found != words.end(), option, " must be one of ", ChoiceList<Enum>(), ", got \"", word,
          "\"");
  return static_cast<Enum>(found - words.begin());
}

}  // namespace rotary

#endif  // ROTARY_TRAIN_CHOICES_H_
