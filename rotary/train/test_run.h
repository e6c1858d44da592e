// For tests: a model and a text so small that a step takes a millisecond.
#ifndef ROTARY_TRAIN_TEST_RUN_H_
#define ROTARY_TRAIN_TEST_RUN_H_

#include <cstdint>
#include <cstring>
#include <span>
#include <string>

#include "rotary/text/byte_tokenizer.h"
#include "rotary/train/dataset.h"
#include "rotary/train/train_options.h"

namespace rotary {

// Text whose next letter is mostly known from the ones before, but not from their frequencies.
inline Corpus TinyCorpus(int repetitions = 60) {
  std::string text;
  for (int i = 0; i < repetitions; ++i) {
    text += "the wheel turns by an angle, " + std::to_string(i % 7) + " times; ";
  }
  return HoldOutTail(ByteTokenizer().Encode(text), 0.2);
}

inline TrainOptions TinyOptions(Objective objective = Objective::kCausal) {
  TrainOptions options;
  options.objective = objective;
  options.layers = 2;
  options.model_dim = 32;
  options.heads = 4;
  options.kv_heads = objective == Objective::kCausal ? 2 : 4;
  options.context = 24;
  options.batch = 4;
  options.steps = 12;
  options.evaluation_windows = 5;
  options.evaluate_every = 4;
  options.checkpoint_every = 5;
  options.threads = 1;
  return options;
}

inline bool SameBits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

}  // namespace rotary

#endif  // ROTARY_TRAIN_TEST_RUN_H_
