#include "rotary/model/token_inputs.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

#include "rotary/io/safetensors.h"

namespace rotary {
namespace {

constexpr std::string_view kIds = "input_ids";
constexpr std::string_view kMask = "attention_mask";
constexpr std::string_view kTypes = "token_type_ids";
constexpr std::string_view kPositions = "position_ids";

// The whole numbers of tensor `name`, each from `least` to `most`, in a vector of T; nothing where
// there is no such tensor.
template <class T>
std::vector<T> ReadWhole(const SafetensorsFile& file, std::string_view name, const Dims& shape,
                         int64_t least, int64_t most) {
  if (!file.Contains(name)) return {};
  if (file.shape(name) != shape) {
    throw ReadError(file.path(), name, " must be ", shape.ToString(), " as ", kIds, " is, got ",
                    file.shape(name).ToString());
  }
  std::vector<T> values(static_cast<size_t>(shape.Count()));
  const auto copy = [&](const auto* in) {
    for (size_t i = 0; i < values.size(); ++i) {
      const auto value = static_cast<int64_t>(in[i]);
      if (value < least || value > most) {
        throw ReadError(file.path(), name, " must be from ", least, " to ", most, ", got ", value,
                        " in row ", static_cast<int64_t>(i) / shape[1], ", token ",
                        static_cast<int64_t>(i) % shape[1]);
      }
      values[i] = static_cast<T>(value);
    }
  };
  const ConstTensorView view = file.view(name);
  switch (view.dtype()) {
    case DType::kI64:
      copy(view.As<int64_t>());
      break;
    case DType::kI32:
      copy(view.As<int32_t>());
      break;
    case DType::kU8:
      copy(view.As<uint8_t>());
      break;
    default:
      throw ReadError(file.path(), name, " must be whole numbers (i64, i32, u8), got ",
                      Name(view.dtype()));
  }
  return values;
}

}  // namespace

TokenInputs ReadTokenInputs(const std::filesystem::path& path) {
  const SafetensorsFile file(path);
  constexpr std::array<std::string_view, 4> kKnown = {kIds, kMask, kTypes, kPositions};
  for (const std::string& name : file.names()) {
    if (std::find(kKnown.begin(), kKnown.end(), name) == kKnown.end()) {
      throw ReadError(path, "unknown tensor ", name, "; known are ", kIds, ", ", kMask, ", ",
                      kTypes, " and ", kPositions);
    }
  }
  const Dims shape = file.shape(kIds);
  if (shape.rank() != 2 || shape.Count() == 0) {
    throw ReadError(path, kIds, " must be [batch, tokens] with at least one of each, got ",
                    shape.ToString());
  }
  constexpr int64_t kMostId = std::numeric_limits<int32_t>::max();
  // Positions are whole numbers in doubles further down.
  constexpr int64_t kMostPosition = int64_t{1} << 53;
  TokenInputs inputs;
  inputs.rows = shape[0];
  inputs.tokens = shape[1];
  inputs.ids = ReadWhole<int32_t>(file, kIds, shape, 0, kMostId);
  inputs.token_types = ReadWhole<int32_t>(file, kTypes, shape, 0, kMostId);
  inputs.positions = ReadWhole<int64_t>(file, kPositions, shape, -kMostPosition, kMostPosition);
  inputs.padding = ReadWhole<uint8_t>(file, kMask, shape, 0, 1);
  return inputs;
}

}  // namespace rotary
