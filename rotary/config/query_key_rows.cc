#include "rotary/config/query_key_rows.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <numeric>
#include <utility>

#include "rotary/config/config_object.h"
#include "rotary/rope/axes.h"

namespace rotary {
namespace {

using Names = std::vector<std::string_view>;

// The modules that make queries and keys, by the last name of each, in any family.
const Names kQueries = {"q_proj", "q_b_proj", "wq", "wq_b", "query"};
const Names kKeys = {"k_proj", "wk", "key"};
const Names kLatentKeys = {"kv_a_proj_with_mqa", "wkv_a"};
const Names kFused = {"query_key_value", "qkv_proj", "W_pack", "c_attn", "Wqkv", "wqkv", "qkv"};
const Names kQueryNorms = {"q_norm", "q_layernorm", "query_layernorm"};
const Names kKeyNorms = {"k_norm", "k_layernorm", "key_layernorm"};

// Modules of attention that have queries or keys in their name, and none of their rotated rows:
// what is projected down before them, and up again to what does not turn.
const Names kBesideThem = {"q_a_proj",       "q_a_layernorm", "wq_a",      "kv_a_proj_with_mqa",
                           "kv_a_layernorm", "kv_a_norm",     "kv_b_proj", "wkv_a",
                           "wkv_b",          "kv_norm"};

bool IsIn(const Names& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string_view> SplitAtDots(std::string_view name) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t dot = name.find('.');
    parts.push_back(name.substr(0, dot));
    if (dot == name.npos) return parts;
    name.remove_prefix(dot + 1);
  }
}

// Whether a module or tensor is called after queries or keys: q_bias, key_value, norm_k.
bool IsOfQueriesOrKeys(std::string_view name) {
  static const Names kWords = {"q", "k", "qk", "kv", "qkv", "query", "key", "queries", "keys"};
  for (;;) {
    const size_t end = name.find('_');
    if (IsIn(kWords, name.substr(0, end))) return true;
    if (end == name.npos) return false;
    name.remove_prefix(end + 1);
  }
}

std::optional<int> NumberIn(std::string_view part) {
  int number = 0;
  const char* end = part.data() + part.size();
  const auto parsed = std::from_chars(part.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number < 0) return std::nullopt;
  return number;
}

std::optional<int64_t> FirstOf(const ConfigObject& config, const Names& keys) {
  for (const std::string_view key : keys) {
    if (const auto value = config.Int(key)) return value;
  }
  return std::nullopt;
}

FusedOrder OrderOf(const ConfigObject& config, std::string_view model_type) {
  const auto is_one_of = [&](const Names& types) { return IsIn(types, model_type); };
  if (is_one_of({"phi3", "chatglm", "baichuan", "qwen", "dbrx", "modernbert", "nomic_bert"})) {
    return FusedOrder::kSeparate;
  }
  if (is_one_of({"gpt_neox", "gpt_neox_japanese", "persimmon"})) return FusedOrder::kByHead;
  if (model_type == "internlm2") return FusedOrder::kByGroup;
  if (model_type == "codegen") return FusedOrder::kCodeGen;
  if (model_type != "falcon") return FusedOrder::kUnknown;
  if (config.Bool("new_decoder_architecture").value_or(false)) return FusedOrder::kByGroup;
  return config.Bool("multi_query").value_or(true) ? FusedOrder::kSeparate : FusedOrder::kByHead;
}

int64_t KeyHeadsOf(const ConfigObject& config, std::string_view model_type, int64_t heads) {
  if (model_type == "falcon" && !config.Bool("new_decoder_architecture").value_or(false)) {
    return config.Bool("multi_query").value_or(true) ? 1 : heads;
  }
  if (model_type == "chatglm") {
    const bool shared = config.Bool("multi_query_attention").value_or(false);
    return shared ? config.Int("multi_query_group_num").value_or(1) : heads;
  }
  return FirstOf(config, {"num_key_value_heads", "n_kv_heads", "num_kv_heads", "n_head_kv",
                          "attn_config.kv_n_heads"})
      .value_or(heads);
}

// For each channel of a head the one that comes there in the other layout.
std::vector<int64_t> ChannelMoves(const Rotation& rotation, Layout from) {
  const Layout to = from == Layout::kHalf ? Layout::kInterleaved : Layout::kHalf;
  const int offset = rotation.pairs() == 0 ? 0 : rotation.first[0];
  const Pairs after = PairsOf(2 * rotation.pairs(), to, offset);
  std::vector<int64_t> moves(static_cast<size_t>(rotation.head_dim));
  std::iota(moves.begin(), moves.end(), int64_t{0});
  for (size_t j = 0; j < after.first.size(); ++j) {
    moves[static_cast<size_t>(after.first[j])] = rotation.first[j];
    moves[static_cast<size_t>(after.second[j])] = rotation.second[j];
  }
  return moves;
}

bool HasPairsOf(const Rotation& rotation, Layout layout) {
  const int offset = rotation.pairs() == 0 ? 0 : rotation.first[0];
  const Pairs pairs = PairsOf(2 * rotation.pairs(), layout, offset);
  return rotation.first == pairs.first && rotation.second == pairs.second;
}

}  // namespace

QueryKeyRows::QueryKeyRows(const JsonValue& config, const RopeConfig& rope, std::string verb)
    : verb_(std::move(verb)) {
  const std::string& source = config.source();
  const ConfigObject object(config);
  std::optional<Layout> layout;
  for (const LayerRope& group : rope.layers) {
    if (group.part == "indexer") continue;  // has projections and a layout of its own
    if (group.part != "text") {
      throw Cannot(source, "it has a part ", group.part, ", and only text models are known");
    }
    groups_.push_back(group);
    if (!group.query) continue;
    const bool half = group.layout == "half";
    if (!half && group.layout != "interleaved") {
      throw Cannot(source, "its layout is ", group.layout);
    }
    const Layout own = half ? Layout::kHalf : Layout::kInterleaved;
    if (layout && *layout != own) throw Cannot(source, "its layers differ in their layout");
    if (!HasPairsOf(*group.query, own) || !HasPairsOf(*group.key, own)) {
      throw Cannot(source, "its pairs are not one plain span of a head");
    }
    layout = own;
    is_latent_ = group.query->head_dim != group.key->head_dim;
  }
  if (!layout) throw Cannot(source, "no layer rotates");
  if (object.Bool("rotary_value").value_or(false)) {
    throw Cannot(source, "its values rotate too (rotary_value)");
  }
  layout_ = *layout;
  const auto heads =
      FirstOf(object, {"num_attention_heads", "n_head", "n_heads", "num_heads", "num_attn_heads"});
  if (!heads) throw Cannot(source, "it does not say how many heads it has");
  heads_ = *heads;
  // Latent keys are one for all heads, whatever the config counts.
  key_heads_ = is_latent_ ? 1 : KeyHeadsOf(object, rope.model_type, heads_);
  if (heads_ < 1 || key_heads_ < 1 || heads_ % key_heads_ != 0) {
    throw Cannot(source, key_heads_, " key heads do not share ", heads_, " query heads");
  }
  order_ = OrderOf(object, rope.model_type);
}

std::optional<QueryKeyRows::Place> QueryKeyRows::PlaceOf(std::string_view source,
                                                         std::string_view name) const {
  const std::vector<std::string_view> parts = SplitAtDots(name);
  Place place{};
  bool in_attention = false;
  std::optional<int> layer;
  size_t at = 0;
  for (; at < parts.size(); ++at) {
    const std::string_view part = parts[at];
    // Cross-attention is not rotated; an indexer has its own layout.
    if (part.find("cross") != part.npos || part == "encoder_attn" || part == "indexer") {
      return std::nullopt;
    }
    if (in_attention && layer) {
      if (IsIn(kQueries, part))
        place.kind = Kind::kQuery;
      else if (IsIn(kKeys, part))
        place.kind = Kind::kKey;
      else if (is_latent_ && IsIn(kLatentKeys, part))
        place.kind = Kind::kLatentKey;
      else if (IsIn(kFused, part))
        place.kind = Kind::kFused;
      else if (IsIn(kQueryNorms, part))
        place.kind = Kind::kQueryNorm;
      else if (IsIn(kKeyNorms, part))
        place.kind = Kind::kKeyNorm;
      else if (!IsOfQueriesOrKeys(part) || IsIn(kBesideThem, part))
        continue;
      else
        throw Cannot(source, name, " is called after queries or keys, and ", part,
                     " is no name that is known for them");
      break;
    }
    in_attention =
        in_attention || part.find("attn") != part.npos || part.find("attention") != part.npos;
    if (!layer) layer = NumberIn(part);
  }
  if (at == parts.size()) return std::nullopt;
  place.layer = *layer;

  // What the tensor is to its module.
  size_t next = at + 1;
  const auto skip = [&](auto&& matches) {
    if (next + 1 < parts.size() && matches(parts[next])) ++next;
  };
  const bool is_norm = place.kind == Kind::kQueryNorm || place.kind == Kind::kKeyNorm;
  if (is_norm) {  // StableLM: one norm for each head
    skip([](std::string_view part) { return part == "norms"; });
    skip([](std::string_view part) { return NumberIn(part).has_value(); });
  }
  skip([](std::string_view part) { return part == "base_layer"; });
  const std::string_view word = next < parts.size() ? parts[next] : "";
  if (word == "lora_A") return std::nullopt;  // reads what comes in
  const size_t left = parts.size() - next;
  if (word == "lora_B") {
    // lora_B.weight, or lora_B.ADAPTER.weight
    if (left <= 3 && (parts.back() == "weight" || parts.back() == "bias")) return place;
  } else if (word == "lora_magnitude_vector") {
    if (left <= 3) return place;
  } else if (left == 1 && (word == "weight" || word == "bias")) {
    place.is_weight = word == "weight";
    return place;
  }
  throw Cannot(source, name,
               " belongs to queries or keys, and is neither their weight, bias "
               "nor LoRA");
}

const LayerRope& QueryKeyRows::GroupOf(std::string_view source, std::string_view name,
                                       int layer) const {
  for (const LayerRope& group : groups_) {
    if (std::find(group.layers.begin(), group.layers.end(), layer) != group.layers.end()) {
      return group;
    }
  }
  // Layers beyond those that the config counts (predicting more tokens) are as all others are.
  if (groups_.size() == 1) return groups_[0];
  throw Cannot(source, name, " is of a layer that its config does not count");
}

std::vector<QueryKeyRows::HeadRows> QueryKeyRows::HeadsOf(const Place& place, int64_t rows,
                                                          int query_dim, int key_dim) const {
  std::vector<HeadRows> result;
  const auto add = [&](int64_t begin, int64_t heads, bool is_key) {
    const int dim = is_key ? key_dim : query_dim;
    for (int64_t h = 0; h < heads; ++h) result.push_back({begin + h * dim, is_key});
  };
  const int64_t dim = query_dim;
  switch (place.kind) {
    case Kind::kQuery:
      if (rows == heads_ * dim) add(0, heads_, false);
      break;
    case Kind::kKey:
      if (rows == key_heads_ * key_dim && !is_latent_) add(0, key_heads_, true);
      break;
    case Kind::kLatentKey:  // the end is the key that all heads share
      if (rows > key_dim) add(rows - key_dim, 1, true);
      break;
    case Kind::kQueryNorm:
    case Kind::kKeyNorm: {
      const bool is_key = place.kind == Kind::kKeyNorm;
      const int64_t heads = is_key ? key_heads_ : heads_, own = is_key ? key_dim : dim;
      if (rows == own) {
        add(0, 1, is_key);
      } else if (rows == heads * own) {
        add(0, heads, is_key);
      }
      break;
    }
    case Kind::kFused:
      if (is_latent_ || rows != (heads_ + 2 * key_heads_) * dim) break;
      switch (order_) {
        case FusedOrder::kUnknown:
          break;
        case FusedOrder::kSeparate:
          add(0, heads_, false);
          add(heads_ * dim, key_heads_, true);
          break;
        case FusedOrder::kByHead:
        case FusedOrder::kByGroup: {
          const int64_t queries = order_ == FusedOrder::kByHead ? 1 : heads_ / key_heads_;
          if (order_ == FusedOrder::kByHead && heads_ != key_heads_) break;
          for (int64_t group = 0; group < key_heads_; ++group) {
            const int64_t begin = group * (queries + 2) * dim;
            add(begin, queries, false);
            add(begin + queries * dim, 1, true);
          }
          break;
        }
        case FusedOrder::kCodeGen: {
          constexpr int64_t kBlocks = 4;
          if (heads_ % kBlocks != 0 || heads_ != key_heads_) break;
          const int64_t share = heads_ / kBlocks;
          for (int64_t block = 0; block < kBlocks; ++block) {
            const int64_t begin = block * 3 * share * dim;
            add(begin, share, false);
            add(begin + 2 * share * dim, share, true);  // values stand before them
          }
          break;
        }
      }
      break;
  }
  return result;
}

std::vector<QueryKeyRows::HeadRows> QueryKeyRows::CheckedHeads(const Place& place,
                                                               const LayerRope& group,
                                                               std::string_view source,
                                                               std::string_view name,
                                                               const Dims& shape) const {
  const bool is_norm = place.kind == Kind::kQueryNorm || place.kind == Kind::kKeyNorm;
  const int64_t rows = shape.rank() == 0 ? 0 : is_norm ? shape.Count() : shape[0];
  if (place.kind == Kind::kFused && order_ == FusedOrder::kUnknown) {
    throw Cannot(source, name,
                 " holds queries, keys and values in an order that is not known for this family");
  }
  std::vector<HeadRows> heads = HeadsOf(place, rows, group.query->head_dim, group.key->head_dim);
  if (heads.empty() || shape.rank() > 2) {
    throw Cannot(source, name, " is ", shape.ToString(), ", which is not what ", heads_,
                 " query heads of ", group.query->head_dim, " channels and ", key_heads_,
                 " key heads of ", group.key->head_dim, " make");
  }
  return heads;
}

std::vector<int64_t> QueryKeyRows::Moves(std::string_view source, std::string_view name,
                                         const Dims& shape) {
  const std::optional<Place> place = PlaceOf(source, name);
  if (!place) return {};
  const LayerRope& group = GroupOf(source, name, place->layer);
  if (!group.query) return {};  // does not rotate
  const bool is_norm = place->kind == Kind::kQueryNorm || place->kind == Kind::kKeyNorm;
  const std::vector<HeadRows> heads = CheckedHeads(*place, group, source, name, shape);
  const int64_t rows = is_norm ? shape.Count() : shape[0];
  any_ = true;
  if (place->is_weight && !is_norm) {
    if (place->kind != Kind::kKey && place->kind != Kind::kLatentKey) {
      query_layers_.insert(place->layer);
    }
    if (place->kind != Kind::kQuery) key_layers_.insert(place->layer);
  }
  const std::vector<int64_t> of_queries = ChannelMoves(*group.query, layout_);
  const std::vector<int64_t> of_keys = ChannelMoves(*group.key, layout_);
  std::vector<int64_t> moves(static_cast<size_t>(rows));
  std::iota(moves.begin(), moves.end(), int64_t{0});
  for (const HeadRows& head : heads) {
    const std::vector<int64_t>& channels = head.is_key ? of_keys : of_queries;
    for (size_t c = 0; c < channels.size(); ++c) {
      moves[static_cast<size_t>(head.begin) + c] = head.begin + channels[c];
    }
  }
  return moves;
}

std::vector<QueryKeyRows::Head> QueryKeyRows::HeadsIn(std::string_view source,
                                                      std::string_view name,
                                                      const Dims& shape) const {
  const std::optional<Place> place = PlaceOf(source, name);
  const bool is_norm = place && (place->kind == Kind::kQueryNorm || place->kind == Kind::kKeyNorm);
  if (!place || !place->is_weight || is_norm) return {};
  const LayerRope& group = GroupOf(source, name, place->layer);
  if (!group.query) return {};
  std::vector<Head> heads;
  for (const HeadRows& head : CheckedHeads(*place, group, source, name, shape)) {
    heads.push_back(
        {place->layer, head.is_key, head.begin, head.is_key ? &*group.key : &*group.query});
  }
  return heads;
}

void QueryKeyRows::CheckComplete(std::string_view source) const {
  if (!any_) throw Cannot(source, "there is no projection of queries or keys");
  std::vector<int> alone;
  std::set_symmetric_difference(query_layers_.begin(), query_layers_.end(), key_layers_.begin(),
                                key_layers_.end(), std::back_inserter(alone));
  if (alone.empty()) return;
  const bool has_queries = query_layers_.contains(alone[0]);
  throw Cannot(source, "layer ", alone[0], " has ", has_queries ? "queries" : "keys", " but no ",
               has_queries ? "keys" : "queries", " here");
}

}  // namespace rotary
