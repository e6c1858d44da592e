// Writes the lines of a config.json, and the largest sizes that reading one accepts.
#ifndef ROTARY_MODEL_HF_CONFIG_WRITER_H_
#define ROTARY_MODEL_HF_CONFIG_WRITER_H_

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "rotary/io/json.h"

namespace rotary {

// Far beyond any model, and small enough that no size of a model made of them overflows.
inline constexpr int64_t kMaxDim = 1 << 20;
inline constexpr int64_t kMaxHeads = 1 << 13;
inline constexpr int64_t kMaxHeadDim = 1 << 13;
inline constexpr int64_t kMaxLayers = 1 << 14;
inline constexpr int64_t kMaxRows = std::numeric_limits<int32_t>::max();

inline constexpr std::string_view kTokenizerKey = "rotary_tokenizer";

// Raw JSON by key, one line each, sorted.
class ConfigWriter {
 public:
  void Add(std::string_view key, const Json& value) { AddRaw(key, value.dump()); }
  void AddRaw(std::string_view key, std::string text) { lines_.emplace(key, std::move(text)); }
  std::string Text() const {
    std::string text = "{\n";
    size_t left = lines_.size();
    for (const auto& [key, value] : lines_) {
      text += Sentence("  ", Json(key).dump(), ": ", value, --left > 0 ? "," : "", "\n");
    }
    return text + "}\n";
  }

 private:
  std::map<std::string, std::string> lines_;
};

}  // namespace rotary

#endif  // ROTARY_MODEL_HF_CONFIG_WRITER_H_
