// What a small model writes, as pieces that a page can show.
#ifndef ROTARY_LAB_SAMPLE_H_
#define ROTARY_LAB_SAMPLE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rotary/lab/results.h"
#include "rotary/model/transformer.h"
#include "rotary/text/tokenizer.h"

namespace rotary {

struct SampleOptions {
  int64_t context = 0;  // the longest window that the model sees at once
  int64_t given = 64;   // tokens of text that a causal model goes on from, at most half the context
  int64_t written = 200;     // tokens that it writes
  double temperature = 0.8;  // of the probabilities that it draws from
  double hidden = 0.15;      // share of the tokens that a masked model must guess
  uint64_t seed = 1;
  int threads = 0;
};

// A causal model writes on from a line of `text`; a masked one guesses the hidden tokens of one
// context of it, the likeliest each. The same numbers are drawn for every model.
//   text  tokens of held-out text; nothing is sampled where it is shorter than two contexts
std::vector<Span> SampleOf(const Transformer& model, const Tokenizer& tokenizer,
                           std::span<const int32_t> text, const SampleOptions& options);

// `bytes` as text that a page can hold: what is not UTF-8, and control characters but tab and line
// feed, become U+FFFD.
std::string ReadableText(std::string_view bytes);

}  // namespace rotary

#endif  // ROTARY_LAB_SAMPLE_H_
