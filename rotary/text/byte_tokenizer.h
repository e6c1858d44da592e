// Every byte is a token: no training, no unknown words, any language, and losses in bits a byte
// compare across texts.
#ifndef ROTARY_TEXT_BYTE_TOKENIZER_H_
#define ROTARY_TEXT_BYTE_TOKENIZER_H_

#include "rotary/text/tokenizer.h"

namespace rotary {

// Ids 0 to 255 are the bytes, 256 is padding, 257 the mask. The vocabulary is not rounded up:
// matrix kernels pad their last tile themselves, and ids that no text has would take part of every
// prediction's probability.
class ByteTokenizer final : public Tokenizer {
 public:
  static constexpr int32_t kPad = 256;
  static constexpr int32_t kMask = 257;
  static constexpr int64_t kVocabSize = 258;

  std::string_view name() const override { return "bytes"; }
  int64_t vocab_size() const override { return kVocabSize; }
  int64_t text_vocab_size() const override { return 256; }
  std::optional<int32_t> special(SpecialToken token) const override;
  std::vector<int32_t> Encode(std::string_view bytes) const override;
  std::string Decode(std::span<const int32_t> ids) const override;
};

}  // namespace rotary

#endif  // ROTARY_TEXT_BYTE_TOKENIZER_H_
