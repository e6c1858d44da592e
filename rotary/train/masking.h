// Masked words: which tokens of a text are hidden, by what, and what there is to predict.
// Source: Devlin et al. 2018, arXiv:1810.04805, section 3.1.
#ifndef ROTARY_TRAIN_MASKING_H_
#define ROTARY_TRAIN_MASKING_H_

#include <cstdint>
#include <span>

#include "rotary/base/random.h"
#include "rotary/text/tokenizer.h"

namespace rotary {

// The target of a token that is not to be predicted.
inline constexpr int32_t kNoTarget = -1;

struct Masking {
  double chosen = 0.15;   // of all tokens are to be predicted; of these
  double hidden = 0.8;    // become mask_id, and
  double replaced = 0.1;  // become any of the words; the rest stays as it is
  int32_t mask_id = 0;
  int64_t words = 0;  // replacements are drawn from ids 0 .. words - 1
};

// With the mask and the words of `tokenizer`. Throws std::invalid_argument where it has no mask.
Masking MaskingFor(const Tokenizer& tokenizer);

// Hides some of `ids` in place and writes what was there to `targets`, kNoTarget elsewhere. Token i
// is treated by the numbers of `random` at index first + i alone. Returns how many were chosen.
int64_t MaskTokens(const Masking& masking, const Random& random, uint64_t first,
                   std::span<int32_t> ids, std::span<int32_t> targets);

// MaskTokens for a row that must not be left without a target: where chance chose none, one token
// becomes hidden.
int64_t MaskRow(const Masking& masking, const Random& random, uint64_t first,
                std::span<int32_t> ids, std::span<int32_t> targets);

}  // namespace rotary

#endif  // ROTARY_TRAIN_MASKING_H_
