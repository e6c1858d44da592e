#include "rotary/text/byte_tokenizer.h"

#include <stdexcept>

#include "rotary/base/error.h"

namespace rotary {

std::optional<int32_t> ByteTokenizer::special(SpecialToken token) const {
  switch (token) {
    case SpecialToken::kPad:
      return kPad;
    case SpecialToken::kMask:
      return kMask;
  }
  return std::nullopt;
}

std::vector<int32_t> ByteTokenizer::Encode(std::string_view bytes) const {
  std::vector<int32_t> ids;
  ids.reserve(bytes.size());
  for (const char byte : bytes) ids.push_back(static_cast<unsigned char>(byte));
  return ids;
}

std::string ByteTokenizer::Decode(std::span<const int32_t> ids) const {
  std::string text;
  for (const int32_t id : ids) {
    if (id < 0 || id >= kVocabSize) {
      throw std::out_of_range(
          Sentence("tokenizer: an id must be in [0, ", kVocabSize, "), got ", id));
    }
    if (id < 256) text += static_cast<char>(id);
  }
  return text;
}

}  // namespace rotary
