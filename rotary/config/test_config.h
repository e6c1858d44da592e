// For tests: configs written in place.
#ifndef ROTARY_CONFIG_TEST_CONFIG_H_
#define ROTARY_CONFIG_TEST_CONFIG_H_

#include <string>

#include "rotary/config/rope_config.h"
#include "rotary/io/test_folder.h"

namespace rotary {

// What `text`, as a file of this name, says.
inline RopeConfig ReadText(const std::string& name, const std::string& text,
                           const RopeConfigOptions& options = {}) {
  const JsonDocument document(text, name);
  return ReadRopeConfig(document.root(), options);
}

// The sentence with which it is refused.
inline std::string SentenceOfText(const std::string& name, const std::string& text,
                                  const RopeConfigOptions& options = {}) {
  return Thrown([&] { ReadText(name, text, options); });
}

// A model of a family with heads of 128 in 4 layers, and more keys.
inline std::string ModelText(const std::string& type, const std::string& keys = "") {
  return R"({"model_type": ")" + type +
         R"(", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 4)" +
         (keys.empty() ? "" : ", " + keys) + "}";
}

}  // namespace rotary

#endif  // ROTARY_CONFIG_TEST_CONFIG_H_
