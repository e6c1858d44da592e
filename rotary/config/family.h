// What a config does not say: the registry of families, families.json, compiled in.
//
// A row belongs to one model_type and says how its code builds rotations: which layout, which
// channels, which keys hold theta and the spans and what their defaults are, how layers differ.
// Each row names the file where that was read. docs/variants.md explains the keys of a row.
#ifndef ROTARY_CONFIG_FAMILY_H_
#define ROTARY_CONFIG_FAMILY_H_

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "rotary/config/config_object.h"
#include "rotary/rope/rotation.h"

namespace rotary {

// Ways to a number, the first that is there: a key of the config (dots go into objects), quotients
// of keys, rounded down ("hidden_size / num_attention_heads"), a sum of keys, or the number itself.
using Terms = std::vector<std::variant<std::string, double>>;

// A key that turns something on by being there, unless it says false; null counts as not there.
struct Switch {
  std::string key;       // empty: always on
  bool missing = false;  // what the class takes where the config does not name the key at all

  bool IsOn(const ConfigObject& config) const;
};

// What is different for layers of a type.
struct LayerTypeRope {
  std::string name;     // "sliding_attention"
  std::string label;    // its name in a nested rope dictionary, where that differs
  Terms theta;          // empty: as the family
  Terms head_dim;       // likewise
  bool scaling = true;  // whether the config's scaling is for this type
};

// How the layers of a model differ in their rotation.
struct LayerPattern {
  // One name a layer, in the config under `types_key` (a shorter list repeats where `repeats`), or
  // one number, under `numbers_key`, that `names` translates. Where both are missing every
  // `period`-th layer is `periodic`, the others are `others`, the first ones are `first`, and the
  // last is `last` where that is not empty. A period may be written as a word, too: "LLLG".
  std::string types_key, numbers_key;
  bool repeats = false;
  std::vector<std::pair<std::string, std::string>> names;
  Terms period;
  bool period_from_first = false;  // layers 0, n, 2n instead of n-1, 2n-1
  std::string periodic, others, last;
  std::vector<std::string> first;
  std::vector<LayerTypeRope> ropes;  // of types that differ from the family's
  std::string scaled_types_key;      // a list of the types that alone are scaled
  std::vector<std::string> still;    // types that do not rotate
  Switch still_if;                   // they rotate without it
  Switch rotates_if;                 // nothing rotates without it
  // Or a list of flags, one a layer, 1 where it rotates; missing: every `period`-th does not.
  std::string flags_key;
  // Or a list of layers that do not rotate (where it is missing: `still_layers`), or of those that
  // alone do.
  std::string still_layers_key, rotating_layers_key;
  std::vector<int> still_layers;
};

// A condition on a key; holds where the key has this value (`missing`: what an absent key is).
struct Condition {
  std::string key;
  Json is, missing;

  bool Holds(const ConfigObject& config) const;
};

// Heads of their own that choose what a sparse attention looks at.
struct Indexer {
  std::string layout;      // "half", "interleaved"; empty: none
  std::string layout_key;  // a boolean that may say otherwise
  std::string only;        // the type of the layers that have one; empty: all
  bool at_end = false;     // whether its last channels rotate, not the first
};

// Sections of several axes, in pairs.
struct Sections {
  std::vector<std::string> keys;  // in the rope dictionary
  std::vector<int> missing;       // empty: the key must be there, or there is one axis
  std::string order;              // "contiguous", "interleaved", "alternating"
};

// A part of a wrapper: its config under `key` (empty: the wrapper itself), by the row of its own
// model_type; where it has none, or the wrapper's, by the row `missing`, else by WRAPPER_PART.
struct Part {
  std::string name, key, missing;
};

// Frequencies that a checkpoint holds (frequency_weights.h).
struct FrequencyTensor {
  // The last parts of its name, the first that is there; "{}" stands for the number of a layer.
  std::vector<std::string> names;
  // What its numbers are: "frequencies" [pairs], "periods" [pairs / axes], "axis,head,pair", or
  // "axis,layer,head,pair".
  std::string form;
  bool needed = false;  // whether the config cannot say
  std::string absent;   // why most checkpoints do not have it
};

struct Family {
  std::string model_type;
  // The model_type that configs of this row say, which is another row's too, and when it is this.
  std::string instead_of;
  std::optional<Condition> instead_if;
  // "_class_name" in configs of diffusers, which have no model_type.
  std::vector<std::string> class_names;
  std::string scheme;         // "text", "latent" (MLA), "none", "parts", or one of schemes.h
  std::string part = "text";  // "text", "vision", "image", "video", "audio": what it is by itself
  // Instead of a rotation: "learned vectors are added to the tokens'". Not empty: refused by
  // itself, left out where it is a tower of a wrapper.
  std::string positions;
  std::string layout;  // "half", "interleaved"; empty where `layout_key` decides
  // A boolean of the config: true means interleaved.
  std::string layout_key;
  bool layout_missing = false;
  Terms head_dim, heads, rotary_dim, fraction, theta, layers;
  Terms offset;                            // {"last"}: the end of the head
  std::string theta_factor;                // a key that multiplies theta
  std::optional<double> attention_factor;  // whatever the rule says
  std::string qwen_ntk_key;  // a key that turns on Qwen's steps of NTK beyond seq_length
  std::string values_key;    // a key by which values rotate as keys do
  bool negated = false;      // whether its code turns the other way
  Json default_rope;         // where the config has no rope dictionary
  std::optional<LayerPattern> pattern;
  std::optional<Sections> sections;
  std::vector<std::string> axes;     // what each axis counts: "frame", "y", "x"
  std::optional<Condition> only_if;  // else nothing rotates
  std::string temperature;           // "", "ministral", "llama4", "qwen"
  Indexer indexer;
  std::vector<Part> parts;
  // Keys that a part's config leaves out where its class has this number anyway.
  std::vector<std::pair<std::string, int64_t>> sizes;
  std::optional<FrequencyTensor> weights;
  std::vector<std::string> without_effect;  // published keys that the family's code never reads
  std::vector<std::string> not_in_transformers;  // keys that count, but not there
  std::string note;
  std::string repository, file, commit;  // where it was read

  bool operator==(std::string_view type) const { return model_type == type; }
};

// All rows, in the order of their names.
const std::vector<Family>& Families();

// Nothing for an unknown type.
const Family* FindFamily(std::string_view model_type);
// The row for a config of this type: one that stands instead of the type's own, or that.
const Family* FindFamilyFor(std::string_view model_type, const ConfigObject& config);
// By a "_class_name" of diffusers.
const Family* FindFamilyOfClass(std::string_view class_name);

// Parses a registry; the compiled-in one in Families().
// Throws FileError: a key missing or unknown, a value of another kind, a row without its source.
std::vector<Family> ReadFamilies(const JsonValue& registry);

}  // namespace rotary

#endif  // ROTARY_CONFIG_FAMILY_H_
