// Any bytes as the config of a model: JSON in any dialect, or a GGUF file. What follows a byte 0 in
// JSON, which has none, is the safetensors file of its frequencies. Some, by their length, are read
// a second time with all options set. Rotations that are read keep their rules, and what stands
// beside them is finite and in order.
//
// A third of the mutations changes the values of a JSON tree, so that many inputs are still
// configs.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "fuzz/fuzzing.h"
#include "rotary/config/rope_config.h"

namespace rotary {
namespace {

void CheckSide(const LayerRope& layers, const std::optional<Rotation>& rotation) {
  if (!rotation) return;
  CheckRotation(*rotation);
  for (const int32_t channel : rotation->first) Promise(channel < rotation->head_dim, "in a head");
  Promise(layers.layout == "half" || layers.layout == "interleaved" || layers.layout == "other",
          "a rotation has a layout");
}

void CheckLayers(const LayerRope& layers) {
  Promise(!layers.part.empty() && !layers.name.empty(), "layers have a name");
  Promise(std::is_sorted(layers.layers.begin(), layers.layers.end(), std::less_equal<>()),
          "layers ascend");
  Promise(layers.query.has_value() == layers.key.has_value(), "queries rotate as keys do");
  CheckSide(layers, layers.query);
  CheckSide(layers, layers.key);
  Promise(
      layers.axis_names.empty() || static_cast<int>(layers.axis_names.size()) == layers.query->axes,
      "every axis has a name");
  Promise(layers.rotary_dim >= 0 && layers.offset >= 0, "spans are not negative");
  Promise(!layers.query || layers.offset + layers.rotary_dim <= layers.query->head_dim,
          "a span lies in a head");
  Promise(std::isfinite(layers.theta) && std::isfinite(layers.centre), "theta is finite");
  Promise(layers.softmax_multiplier > 0 && std::isfinite(layers.softmax_multiplier),
          "the softmax multiplier is positive");
  if (!layers.query_temperature || std::abs(layers.query_temperature->scale) > 1e300) return;
  for (const double position : {0.0, 131071.0}) {
    Promise(std::isfinite(layers.query_temperature->At(position)), "temperatures are finite");
  }
}

void Check(const RopeConfig& config) {
  Promise(config.trained_length >= 0 && std::isfinite(config.trained_length), "lengths are finite");
  for (const std::string& warning : config.warnings) Promise(!warning.empty(), "warnings say what");
  for (const LayerRope& layers : config.layers) CheckLayers(layers);
}

// A GGUF file has a reader of its own, which wants a path.
RopeConfig Read(std::string_view config, const RopeConfigOptions& options) {
  if (config.starts_with("GGUF")) return ReadRopeConfig(Scratch().Put("model", config), options);
  const JsonDocument document(config, "config.json");
  return ReadRopeConfig(document.root(), options);
}

void Run(std::string_view input) {
  const size_t end = input.starts_with("GGUF") ? input.npos : input.find('\0');
  const std::string_view config = input.substr(0, end);
  std::unique_ptr<CheckpointTensors> weights;
  if (end != input.npos) {
    ReadOrRefuse([&] {
      const auto path = Scratch().Put("model.safetensors", input.substr(end + 1));
      weights = std::make_unique<CheckpointTensors>(path);
    });
  }
  RopeConfigOptions options{.weights = weights.get()};
  ReadOrRefuse([&] { Check(Read(config, options)); });
  if (config.size() % 4 != 0) return;
  options = {.length = 100'000,
             .layout = Layout::kInterleaved,
             .arithmetic = Arithmetic::kFloat32,
             .ignore = {"rope_ignored"},
             .weights = weights.get()};
  ReadOrRefuse([&] { Check(Read(config, options)); });
}

#ifdef ROTARY_LIBFUZZER

void Collect(Json& value, std::vector<Json*>& nodes) {
  nodes.push_back(&value);
  for (Json& inner : value) {
    if (value.is_structured()) Collect(inner, nodes);
  }
}

// A number where there is one, or what has no business there.
Json Hostile(const Json& before, std::mt19937& random) {
  const auto below = [&](size_t count) { return random() % count; };
  if (before.is_number() && below(2) == 0) {
    const double value = before.get<double>();
    const double changed[] = {value * 2, value / 2, value + 1, value - 1, -value, value + 0.5};
    const double chosen = changed[below(std::size(changed))];
    if (std::abs(chosen) < 1e15 && chosen == std::floor(chosen))
      return static_cast<int64_t>(chosen);
    return chosen;
  }
  static const std::vector<Json> kValues = {nullptr,
                                            true,
                                            false,
                                            0,
                                            1,
                                            2,
                                            -1,
                                            3,
                                            7,
                                            64,
                                            128,
                                            4096,
                                            65536,
                                            65537,
                                            1048577,
                                            2147483647,
                                            2147483648,
                                            int64_t{-2147483648},
                                            INT64_MAX,
                                            INT64_MIN,
                                            UINT64_MAX,
                                            0.0,
                                            0.5,
                                            1.0,
                                            1.5,
                                            -0.0,
                                            1e-320,
                                            1e-300,
                                            1e300,
                                            1.7976931348623157e308,
                                            "",
                                            "default",
                                            "linear",
                                            "dynamic",
                                            "yarn",
                                            "llama3",
                                            "longrope",
                                            "su",
                                            "mrope",
                                            "proportional",
                                            "half",
                                            "interleaved",
                                            "full_attention",
                                            "sliding_attention",
                                            Json::array(),
                                            Json::object(),
                                            Json::array({1, 1, 1}),
                                            Json::array({0}),
                                            Json::array({"full_attention"}),
                                            Json::array({16, 24, 24})};
  return kValues[below(kValues.size())];
}

std::string MutatedTree(Json tree, std::mt19937& random) {
  const size_t changes = 1 + random() % 3;
  for (size_t change = 0; change < changes; ++change) {
    std::vector<Json*> nodes;
    Collect(tree, nodes);
    Json& node = *nodes[random() % nodes.size()];
    Json& other = *nodes[random() % nodes.size()];
    switch (random() % 4) {
      case 0:
        if (node.is_object() && !node.empty()) {
          auto member = node.begin();
          std::advance(member, static_cast<std::ptrdiff_t>(random() % node.size()));
          node.erase(member);
          break;
        }
        [[fallthrough]];
      case 1:
        if (const Json copy = other; copy.is_primitive()) {
          node = copy;
          break;
        }
        [[fallthrough]];
      default:
        node = Hostile(node, random);
    }
  }
  return tree.dump(-1, ' ', /*ensure_ascii=*/true);
}

#endif

}  // namespace
}  // namespace rotary

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  rotary::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}

#ifdef ROTARY_LIBFUZZER

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  std::mt19937 random(seed);
  const auto* end = static_cast<const uint8_t*>(std::memchr(data, 0, size));
  const size_t json_size = end == nullptr ? size : static_cast<size_t>(end - data);
  if (random() % 3 != 0) return LLVMFuzzerMutate(data, size, max_size);
  const rotary::Json tree =
      rotary::Json::parse(data, data + json_size, nullptr, /*allow_exceptions=*/false);
  if (tree.is_discarded()) return LLVMFuzzerMutate(data, size, max_size);
  const std::string rest(reinterpret_cast<const char*>(data) + json_size, size - json_size);
  const std::string mutated = rotary::MutatedTree(tree, random) + rest;
  if (mutated.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::memcpy(data, mutated.data(), mutated.size());
  return mutated.size();
}

#endif
