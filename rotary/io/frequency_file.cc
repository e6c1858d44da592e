#include "rotary/io/frequency_file.h"

#include <charconv>
#include <string>
#include <string_view>

#include "rotary/io/json.h"
#include "rotary/io/safetensors.h"

namespace rotary {
namespace {

constexpr std::string_view kName = "inv_freq";
constexpr std::string_view kBlanks = " \t\r\n,";

std::vector<double> FromTensor(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  std::string name;
  for (const std::string& candidate : file.names()) {
    if (!candidate.ends_with(kName)) continue;
    if (!name.empty()) {
      throw ReadError(path, "several tensors end in ", kName, ": ", name, " and ", candidate);
    }
    name = candidate;
  }
  if (name.empty()) throw ReadError(path, "no tensor ends in ", kName);
  const ConstTensorView view = file.view(name);
  if (view.rank() != 1) {
    throw ReadError(path, name, " must be [pairs], got ", view.shape().ToString());
  }
  std::vector<double> values;
  try {
    DispatchFloat(view.dtype(), name, [&]<class T>() {
      for (int64_t i = 0; i < view.count(); ++i) {
        if constexpr (std::is_same_v<T, double>) {
          values.push_back(view.As<T>()[i]);
        } else {
          values.push_back(ToFloat(view.As<T>()[i]));
        }
      }
    });
  } catch (const std::invalid_argument& error) {
    throw ReadError(path, error.what());
  }
  return values;
}

std::vector<double> FromWords(const std::filesystem::path& path, std::string_view text) {
  std::vector<double> values;
  for (;;) {
    text.remove_prefix(std::min(text.size(), text.find_first_not_of(kBlanks)));
    if (text.empty()) return values;
    const std::string_view word = text.substr(0, text.find_first_of(kBlanks));
    double value = 0;
    const auto parsed = std::from_chars(word.data(), word.data() + word.size(), value);
    if (parsed.ec != std::errc() || parsed.ptr != word.data() + word.size()) {
      throw ReadError(path, "\"", word.substr(0, 40), "\" is not a number");
    }
    values.push_back(value);
    text.remove_prefix(word.size());
  }
}

}  // namespace

std::vector<double> ReadFrequencies(const std::filesystem::path& path) {
  if (path.extension() == ".safetensors") return FromTensor(path);
  const std::string text = ReadFile(path);
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == text.npos || text[begin] != '[') return FromWords(path, text);
  std::vector<double> values;
  const JsonDocument document(text, path.string());
  for (const JsonValue& value : document.root().Array()) values.push_back(value.Number());
  return values;
}

}  // namespace rotary
