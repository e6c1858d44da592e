#include "rotary/train/masking.h"

#include <array>
#include <cstddef>
#include <optional>

#include "rotary/base/error.h"

namespace rotary {
namespace {

// A 32-bit word as a number in [0, 1).
double Fraction(uint32_t word) { return static_cast<double>(word) * 0x1p-32; }

}  // namespace

Masking MaskingFor(const Tokenizer& tokenizer) {
  const std::optional<int32_t> mask = tokenizer.special(SpecialToken::kMask);
  Require(mask.has_value(), "mask: masked words need a mask token, and ", tokenizer.name(),
          " has none");
  return {.mask_id = *mask, .words = tokenizer.text_vocab_size()};
}

int64_t MaskTokens(const Masking& masking, const Random& random, uint64_t first,
                   std::span<int32_t> ids, std::span<int32_t> targets) {
  Require(ids.size() == targets.size(), "mask: ", ids.size(), " ids but room for ", targets.size(),
          " targets");
  int64_t chosen = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::array<uint32_t, 4> words = random.Words(first + i);
    if (Fraction(words[0]) >= masking.chosen) {
      targets[i] = kNoTarget;
      continue;
    }
    ++chosen;
    targets[i] = ids[i];
    const double fate = Fraction(words[1]);
    if (fate < masking.hidden) {
      ids[i] = masking.mask_id;
    } else if (fate < masking.hidden + masking.replaced) {
      ids[i] = static_cast<int32_t>(Fraction(words[2]) * static_cast<double>(masking.words));
    }
  }
  return chosen;
}

int64_t MaskRow(const Masking& masking, const Random& random, uint64_t first,
                std::span<int32_t> ids, std::span<int32_t> targets) {
  const int64_t chosen = MaskTokens(masking, random, first, ids, targets);
  if (chosen > 0 || ids.empty()) return chosen;
  // The word that MaskTokens leaves unused.
  const auto i =
      static_cast<size_t>(Fraction(random.Words(first)[3]) * static_cast<double>(ids.size()));
  targets[i] = ids[i];
  ids[i] = masking.mask_id;
  return 1;
}

}  // namespace rotary
