// From text to ids and back: what a model of words, word pieces or bytes needs to know about its
// text.
#ifndef ROTARY_TEXT_TOKENIZER_H_
#define ROTARY_TEXT_TOKENIZER_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rotary {

// Ids that stand for no text.
enum class SpecialToken {
  kPad,   // fills a row that is shorter than its batch
  kMask,  // stands where a word is to be guessed
};

// Does not change after construction: share it freely between threads.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // As a checkpoint's config names it: "bytes".
  virtual std::string_view name() const = 0;
  // Ids are in [0, vocab_size).
  virtual int64_t vocab_size() const = 0;
  // The ids that Encode can give are [0, text_vocab_size) without the special ones: what a random
  // word is drawn from.
  virtual int64_t text_vocab_size() const = 0;
  virtual std::optional<int32_t> special(SpecialToken token) const = 0;

  // Any bytes are allowed, valid UTF-8 or not. Special tokens never come out, whatever the text
  // spells.
  virtual std::vector<int32_t> Encode(std::string_view bytes) const = 0;
  // Special tokens decode to nothing. Throws std::out_of_range for an id outside the vocabulary.
  virtual std::string Decode(std::span<const int32_t> ids) const = 0;
};

}  // namespace rotary

#endif  // ROTARY_TEXT_TOKENIZER_H_
