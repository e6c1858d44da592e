// Which rows of which tensors of a checkpoint make queries and keys, and in which order their
// channels stand there: what has to move when a checkpoint goes to the other layout of pairs.
//
//   half to interleaved, heads of 8, 6 of them turning:   rows 0 1 2 3 4 5 6 7
//                                                  become 0 3 1 4 2 5 6 7   of every head
//
// All scores stay the same, as queries and keys move alike. Rows move in the projections (alone, or
// fused with those of values), their biases, gains of norms per head or over all heads, and the B
// matrices and magnitudes of LoRA. Values and everything else stay.
#ifndef ROTARY_CONFIG_QUERY_KEY_ROWS_H_
#define ROTARY_CONFIG_QUERY_KEY_ROWS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "rotary/base/tensor.h"
#include "rotary/config/rope_config.h"
#include "rotary/io/json.h"

namespace rotary {

// How the rows of a projection that makes queries, keys and values lie.
enum class FusedOrder {
  kUnknown,
  kSeparate,  // all queries, all keys, all values           Phi-3, ChatGLM2, Falcon with one key
              // head
  kByHead,    // [heads, (query, key, value), channels]      GPT-NeoX, Persimmon
  kByGroup,   // [key heads, (queries.., key, value), ..]    Falcon 40B, InternLM2
  kCodeGen,   // four blocks of (queries, values, keys)      CodeGen
};

// A text model's queries and keys in their layout.
class QueryKeyRows {
 public:
  // Throws FileError: a model of several parts, layers whose layouts differ or are neither half nor
  // interleaved, values that rotate too, a config that does not count its heads.
  //   config, rope  of the same file
  //   verb          what cannot be done, in sentences of FileErrors
  QueryKeyRows(const JsonValue& config, const RopeConfig& rope, std::string verb = "convert");

  Layout layout() const { return layout_; }

  // For each row of a tensor the row that comes there in the other layout; empty: nothing moves.
  //   shape  [rows] or [rows, columns]; gains of norms also [heads, channels], whose rows count as
  //          heads * channels
  // Throws FileError: a tensor of queries or keys that it cannot name, or of another shape.
  std::vector<int64_t> Moves(std::string_view source, std::string_view name, const Dims& shape);

  // The heads of queries and keys in the weight of a projection that turn; empty for all other
  // tensors. Throws as Moves does.
  struct Head {
    int layer = 0;
    bool is_key = false;
    int64_t begin = 0;                   // the row of its first channel
    const Rotation* rotation = nullptr;  // valid as long as this object
  };
  std::vector<Head> HeadsIn(std::string_view source, std::string_view name,
                            const Dims& shape) const;

  // After all tensors. Throws FileError in the name of `source`: a layer with the weights of
  // queries but without those of keys, or the other way round; none at all.
  void CheckComplete(std::string_view source) const;

 private:
  enum class Kind { kQuery, kKey, kFused, kLatentKey, kQueryNorm, kKeyNorm };
  // A tensor's place in its layer.
  struct Place {
    Kind kind;
    int layer = 0;
    bool is_weight = false;  // not a bias, nor LoRA
  };
  // A head's rows in a tensor: from `begin` on, those of a query or a key.
  struct HeadRows {
    int64_t begin;
    bool is_key;
  };

  // "cannot VERB SOURCE: " + parts.
  template <class... Parts>
  FileError Cannot(std::string_view source, const Parts&... parts) const {
    return FileError(Sentence("cannot ", verb_, " ", source, ": ", parts...));
  }
  std::optional<Place> PlaceOf(std::string_view source, std::string_view name) const;
  const LayerRope& GroupOf(std::string_view source, std::string_view name, int layer) const;
  std::vector<HeadRows> HeadsOf(const Place& place, int64_t rows, int query_dim, int key_dim) const;
  // The same of a tensor; throws unless its shape is that of its place.
  std::vector<HeadRows> CheckedHeads(const Place& place, const LayerRope& group,
                                     std::string_view source, std::string_view name,
                                     const Dims& shape) const;

  std::string verb_;
  Layout layout_ = Layout::kHalf;
  std::vector<LayerRope> groups_;  // of the text
  int64_t heads_ = 0, key_heads_ = 0;
  bool is_latent_ = false;
  FusedOrder order_ = FusedOrder::kUnknown;
  std::set<int> query_layers_, key_layers_;
  bool any_ = false;
};

}  // namespace rotary

#endif  // ROTARY_CONFIG_QUERY_KEY_ROWS_H_
