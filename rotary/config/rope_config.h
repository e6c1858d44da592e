// From the config of a model to the rotation of every layer.
//
//   const RopeConfig config = ReadRopeConfig("config.json");
//   Rotate(PhaseTable(*config.layers[0].query), positions, q, q);
//
// Nothing is guessed and nothing ignored: what configs do not say (the layout!) comes from the
// registry of families (family.h), and a key that belongs to rotations and that no rule uses is an
// error.
#ifndef ROTARY_CONFIG_ROPE_CONFIG_H_
#define ROTARY_CONFIG_ROPE_CONFIG_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "rotary/io/checkpoint_tensors.h"
#include "rotary/io/json.h"
#include "rotary/rope/arithmetic.h"
#include "rotary/rope/rotation.h"
#include "rotary/rope/rules.h"

namespace rotary {

// A factor on queries that travels with the rotation.
struct QueryTemperature {
  enum class Kind {
    kSteps,      // 1 + scale ln(1 + floor((p + shift) / length))     Llama 4, Ministral 3
    kLogarithm,  // max(1, ln(p + 1) / ln(length))                    Qwen 1
  };
  Kind kind = Kind::kSteps;
  double scale = 0;
  double length = 1;
  int shift = 0;

  double At(double position) const;
  bool operator==(const QueryTemperature&) const = default;
};

// Layers that rotate alike.
struct LayerRope {
  std::string part;         // "text", "vision", "indexer"
  std::string name;         // the type of the layers: "full_attention"; "all"
  std::vector<int> layers;  // ascending; empty where the config does not count them
  // Of queries and of keys; nothing: no rotation (NoPE). They differ where heads do (MLA).
  std::optional<Rotation> query, key;
  std::string layout;                   // "half", "interleaved", "other"; empty without a rotation
  std::vector<std::string> axis_names;  // "frame", "y", "x"; empty for one axis or names unknown
  int rotary_dim = 0;                   // channels that the rotation may turn
  int offset = 0;                       // the first of them in a query's head
  double theta = 0;
  Rule rule;
  bool from_weights = false;  // the frequencies are those of the checkpoint: no theta, no rule
  double centre = 0;  // from where xPos counts (RotateOptions): half the length, 0 without a length
  double softmax_multiplier = 1;  // on the scores, beside the family's own scale
  std::optional<QueryTemperature> query_temperature;
  bool rotates_values = false;  // as the keys
};

struct RopeConfig {
  std::string model_type;
  std::vector<LayerRope> layers;
  double trained_length = 0;          // tokens; 0 where the config does not say
  double length = 0;                  // that of the rotations
  std::string note;                   // of the registry: what is easily got wrong with this family
  std::vector<std::string> warnings;  // legal but suspicious
};

struct RopeConfigOptions {
  // How many tokens (the highest position + 1), for rules that ask; nothing: the trained length.
  std::optional<double> length;
  // Instead of the registry's, and for families it does not know.
  std::optional<Layout> layout;
  // kFloat32: the frequencies of text layers as transformers computes them.
  Arithmetic arithmetic = Arithmetic::kExact;
  // Keys to leave aside, by their last name.
  std::set<std::string> ignore;
  // The checkpoint, for families that keep their frequencies there; borrowed.
  const CheckpointTensors* weights = nullptr;
};

// `config`: a config.json in any dialect of transformers, or one of the other dialects that
// docs/variants.md lists, as an object. `path`: such a file, or a .gguf file.
//
// Throws FileError with the key's path: an unknown model_type without a layout given, a key that is
// missing, of another kind or out of its range, two keys that disagree, a rope key that nothing
// uses; weights that lack the family's tensor or have it in another shape, weights of a family
// whose code computes its frequencies.
RopeConfig ReadRopeConfig(const JsonValue& config, const RopeConfigOptions& options = {});
RopeConfig ReadRopeConfig(const std::filesystem::path& path, const RopeConfigOptions& options = {});

}  // namespace rotary

#endif  // ROTARY_CONFIG_ROPE_CONFIG_H_
