#include "rotary/config/frequency_weights.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "rotary/base/dtype.h"
#include "rotary/io/file.h"

namespace rotary {
namespace {

std::string OfLayer(const std::string& name, int layer) {
  const size_t brace = name.find("{}");
  return brace == name.npos
             ? name
             : name.substr(0, brace) + std::to_string(layer) + name.substr(brace + 2);
}

// Whether a family that names a tensor for each layer means `candidate` for one of them.
bool IsOfOneLayer(const FrequencyTensor& weights, const std::string& candidate) {
  return std::any_of(weights.names.begin(), weights.names.end(), [&](const std::string& name) {
    const size_t brace = name.find("{}");
    return brace != name.npos && candidate.ends_with(name.substr(brace + 2));
  });
}

// The one tensor whose name is that of `layer` or ends with it after a dot; "" where there is none.
std::string Find(const CheckpointTensors& checkpoint, const FrequencyTensor& weights,
                 const std::string& name, int layer) {
  const std::string wanted = OfLayer(name, layer);
  const bool of_all = wanted == name;
  std::string found;
  for (const std::string& candidate : checkpoint.names()) {
    if (candidate != wanted && !candidate.ends_with("." + wanted)) continue;
    if (of_all && IsOfOneLayer(weights, candidate)) continue;
    if (!found.empty()) {
      throw ReadError(checkpoint.path(), "two tensors may be ", wanted, ": ", found, " and ",
                      candidate);
    }
    found = candidate;
  }
  return found;
}

std::string FindOfLayer(const CheckpointTensors& checkpoint, const FrequencyTensor& weights,
                        int layer) {
  for (const std::string& name : weights.names) {
    std::string found = Find(checkpoint, weights, name, layer);
    if (!found.empty()) return found;
  }
  std::string names;
  for (const std::string& name : weights.names) {
    names += (names.empty() ? "" : " or ") + OfLayer(name, layer);
  }
  throw ReadError(checkpoint.path(), "it has no tensor ", names,
                  weights.absent.empty() ? "" : Sentence("; ", weights.absent));
}

std::vector<double> ReadValues(const SafetensorsFile& file, const std::string& name) {
  const ConstTensorView view = file.view(name);
  std::vector<double> values;
  const auto read = [&]<typename T>() {
    const T* data = view.As<T>();
    for (int64_t i = 0; i < view.count(); ++i) {
      if constexpr (std::is_same_v<T, double>) {
        values.push_back(data[i]);
      } else {
        values.push_back(ToFloat(data[i]));
      }
      if (!std::isfinite(values.back())) {
        throw ReadError(file.path(), name, " must be finite, got ", values.back(), " at ", i);
      }
    }
  };
  if (view.dtype() == DType::kI64 || view.dtype() == DType::kI32 || view.dtype() == DType::kU8) {
    throw ReadError(file.path(), name, " must be f64, f32, bf16 or f16, got ", Name(view.dtype()));
  }
  DispatchFloat(view.dtype(), "weights", read);
  return values;
}

// What a tensor is read for.
struct Wanted {
  const Rotation& rotation;
  int layer = 0, layers = 0;  // layers: of the part
};

Dims ShapeOf(const FrequencyTensor& weights, const Wanted& wanted) {
  const int64_t pairs = wanted.rotation.pairs(), axes = wanted.rotation.axes;
  const int64_t heads = wanted.rotation.heads;
  if (weights.form == "frequencies") return {pairs};
  if (weights.form == "periods") return {pairs / axes};
  if (weights.form == "axis,head,pair") return {axes, heads, pairs};
  return {axes, wanted.layers, heads, pairs};
}

// naver's RoPE-ViT has heads and pairs as one axis.
bool Agrees(const Dims& shape, const Dims& given) {
  if (given == shape) return true;
  return shape.rank() == 4 && given == Dims{shape[0], shape[1], shape[2] * shape[3]};
}

// [heads, pairs, axes]
std::vector<double> Frequencies(const std::string& form, const Wanted& wanted,
                                const std::vector<double>& values) {
  const Rotation& rotation = wanted.rotation;
  const auto pairs = static_cast<size_t>(rotation.pairs());
  const auto axes = static_cast<size_t>(rotation.axes), heads = static_cast<size_t>(rotation.heads);
  std::vector<double> frequency(heads * pairs * axes);
  for (size_t h = 0; h < heads; ++h) {
    for (size_t j = 0; j < pairs; ++j) {
      for (size_t x = 0; x < axes; ++x) {
        const size_t at = (h * pairs + j) * axes + x;
        if (form == "frequencies") {
          if (axes == 1 || rotation.frequency[at] != 0) frequency[at] = values[j];
        } else if (form == "periods") {
          const double period = values[j % values.size()];
          if (rotation.frequency[at] != 0) frequency[at] = 2 * std::numbers::pi / period;
        } else {
          const size_t layers = form == "axis,head,pair" ? 1 : static_cast<size_t>(wanted.layers);
          const size_t layer = form == "axis,head,pair" ? 0 : static_cast<size_t>(wanted.layer);
          frequency[at] = values[((x * layers + layer) * heads + h) * pairs + j];
        }
      }
    }
  }
  return frequency;
}

// Reads each tensor once.
class FrequencyReader {
 public:
  FrequencyReader(const CheckpointTensors& checkpoint, const FrequencyTensor& weights)
      : checkpoint_(checkpoint), weights_(weights) {}

  // [heads, pairs, axes]
  std::vector<double> FrequenciesOf(const Wanted& wanted) {
    const std::string name = FindOfLayer(checkpoint_, weights_, wanted.layer);
    const SafetensorsFile& file = checkpoint_.FileOf(name);
    const Dims shape = ShapeOf(weights_, wanted);
    if (!Agrees(shape, file.shape(name))) {
      throw ReadError(file.path(), name, " must have the shape ", shape.ToString(), " (",
                      weights_.form, "), got ", file.shape(name).ToString());
    }
    auto values = values_.find(name);
    if (values == values_.end()) values = values_.emplace(name, ReadValues(file, name)).first;
    if (weights_.form == "periods" && std::any_of(values->second.begin(), values->second.end(),
                                                  [](double period) { return period <= 0; })) {
      throw ReadError(file.path(), name, " must be positive");
    }
    return Frequencies(weights_.form, wanted, values->second);
  }

 private:
  const CheckpointTensors& checkpoint_;
  const FrequencyTensor& weights_;
  std::map<std::string, std::vector<double>> values_;
};

}  // namespace

void UseWeights(const CheckpointTensors& checkpoint, const FrequencyTensor& weights,
                PartRope& part) {
  int layers = 0;
  for (const LayerRope& group : part.layers) layers += static_cast<int>(group.layers.size());
  FrequencyReader reader(checkpoint, weights);
  std::vector<LayerRope> result;
  for (const LayerRope& group : part.layers) {
    if (!group.query) {
      result.push_back(group);
      continue;
    }
    const std::vector<int> numbers = group.layers.empty() ? std::vector<int>{0} : group.layers;
    for (const int layer : numbers) {
      LayerRope own = group;
      own.from_weights = true;
      own.rule = PlainRule();
      own.query->frequency = reader.FrequenciesOf({*group.query, layer, layers});
      own.key->frequency = own.query->frequency;
      const auto alike = std::find_if(result.begin(), result.end(), [&](const LayerRope& other) {
        return other.name == own.name && other.query == own.query;
      });
      if (alike != result.end()) {
        alike->layers.push_back(layer);
        continue;
      }
      if (!group.layers.empty()) own.layers = {layer};
      result.push_back(std::move(own));
    }
  }
  part.layers = std::move(result);
}

}  // namespace rotary
