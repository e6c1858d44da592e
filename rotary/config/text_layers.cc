#include "rotary/config/text_layers.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "rotary/config/config_layout.h"
#include "rotary/config/layer_groups.h"
#include "rotary/config/rope_dictionary.h"
#include "rotary/config/rule_reader.h"
#include "rotary/config/transformers_warnings.h"
#include "rotary/config/unused_keys.h"
#include "rotary/rope/axes.h"
#include "rotary/rope/float32_arithmetic.h"

namespace rotary {
namespace {

constexpr int kMostChannels = 1 << 16;

// The channels of a head: where the rotation lies.
struct Span {
  int head_dim = 0, rotary_dim = 0, offset = 0;
  double fraction = 1;
  int key_head_dim = 0, key_offset = 0;
};

class TextReader {
 public:
  TextReader(const ConfigObject& config, const Family& family, std::string part,
             const RopeConfigOptions& options)
      : config_(config), family_(family), part_(std::move(part)), options_(options) {}

  PartRope Read() {
    const std::vector<LayerGroup> groups = LayerGroups(config_, family_);
    std::vector<std::string> types;
    types.reserve(groups.size());
    for (const LayerGroup& group : groups) types.push_back(group.name);
    if (family_.pattern) {
      for (const LayerTypeRope& rope : family_.pattern->ropes) {
        types.push_back(rope.label.empty() ? rope.name : rope.label);
      }
    }
    std::vector<RopeDictionary> dictionaries;
    bool some_rotate = false;
    for (const LayerGroup& group : groups) {
      const LayerTypeRope* own = OwnRope(group.name);
      const bool labelled = own != nullptr && !own->label.empty();
      dictionaries.emplace_back(config_, labelled ? own->label : group.name, types,
                                family_.default_rope);
      const RopeDictionary& dictionary = dictionaries.back();
      LayerRope layers{.part = part_, .name = group.name, .layers = group.layers};
      const ModelLengths lengths = ReadLengths(config_, dictionary);
      result_.trained_length = std::max(result_.trained_length, lengths.Trained());
      const bool rotates = group.rotates && !dictionary.IsStill() && !HasNoTheta(group);
      if (rotates) Fill(group, dictionary, lengths, layers);
      ReadTemperature(rotates, dictionary, lengths, layers);
      some_rotate = some_rotate || rotates;
      const std::optional<LayerRope> indexer = IndexerOf(layers);
      result_.layers.push_back(std::move(layers));
      if (indexer) result_.layers.push_back(*indexer);
    }
    if (!some_rotate) return WithoutRotation();
    for (std::string& warning : TransformersWarnings(config_, family_, result_.layers)) {
      result_.warnings.push_back(std::move(warning));
    }
    if (const auto chunks = config_.Find("dual_chunk_attention_config")) {
      result_.warnings.push_back(Sentence(
          chunks->place(),
          ": engines that have dual chunk attention (vLLM) count positions anew in ",
          "chunks of long texts; the rotation here is by plain positions, as in transformers"));
    }
    for (const RopeDictionary& dictionary : dictionaries) {
      RefuseUnused(dictionary.Unasked(), family_, options_.ignore, /*in_dictionary=*/true);
    }
    RefuseUnused(config_.Unasked(), family_, options_.ignore, /*in_dictionary=*/false);
    return std::move(result_);
  }

 private:
  // The sparse-attention indexer of DeepSeek V3.2 and its kin.
  std::optional<LayerRope> IndexerOf(const LayerRope& layers) {
    const Indexer& own = family_.indexer;
    if (!own.layout_key.empty()) config_.Find(own.layout_key);  // may stand there all the same
    if (own.layout.empty() || !layers.key || (!own.only.empty() && layers.name != own.only)) {
      return std::nullopt;
    }
    const auto number = config_.Int("index_head_dim");
    if (!number) return std::nullopt;
    const int head_dim = Channels("index_head_dim", static_cast<double>(*number));
    bool interleaved = own.layout == "interleaved";
    if (const auto key = own.layout_key.empty() ? std::nullopt : config_.Bool(own.layout_key)) {
      interleaved = *key;
    }
    LayerRope indexer = layers;
    indexer.part = "indexer";
    indexer.layout = interleaved ? "interleaved" : "half";
    indexer.offset = own.at_end ? head_dim - layers.rotary_dim : 0;
    indexer.softmax_multiplier = 1;
    indexer.query_temperature.reset();
    indexer.query = indexer.key = Turned(head_dim, indexer.offset, layers.rotary_dim,
                                         interleaved ? Layout::kInterleaved : Layout::kHalf,
                                         {layers.key->frequency, layers.key->attention_factor});
    return indexer;
  }

  // Rope keys may stand there all the same.
  PartRope WithoutRotation() {
    for (const auto& [key, value] : config_.Unasked()) {
      if (!BelongsToRope(key)) continue;
      result_.warnings.push_back(Sentence(value.place(), " has no effect: no layer of this model (",
                                          family_.model_type, ") rotates"));
    }
    return std::move(result_);
  }

  void Fill(const LayerGroup& group, const RopeDictionary& dictionary, const ModelLengths& lengths,
            LayerRope& layers) {
    const LayerTypeRope* own = OwnRope(group.name);
    const bool scaled = IsScaled(group, own) || dictionary.IsNested();
    group_ = &group;
    const Span span = ReadSpan(dictionary, own);
    const Layout layout = ReadLayout();
    layers.layout = layout == Layout::kHalf ? "half" : "interleaved";
    layers.rotary_dim = span.rotary_dim;
    layers.offset = span.offset;
    layers.theta = ReadTheta(dictionary, own);
    CheckOtherSpellings(span, layout, own == nullptr ? std::optional(layers.theta) : std::nullopt);
    layers.rule = scaled ? ReadRule(config_, dictionary, lengths, span.head_dim, span.fraction,
                                    result_.warnings)
                         : Rule(PlainRule());
    if (lengths.most && *lengths.most < 0) PositiveOf(*config_.Find(lengths.most_key));
    const double length = options_.length.value_or(lengths.Trained());
    const bool whole = std::holds_alternative<ProportionalRule>(layers.rule);
    const int rotary_dim = whole ? span.head_dim : span.rotary_dim;
    if (!family_.qwen_ntk_key.empty() && config_.Bool(family_.qwen_ntk_key).value_or(false)) {
      layers.rule = QwenNtkRule{
          .trained_length = config_.Number("seq_length").value_or(lengths.most.value_or(0))};
    }
    Spectrum spectrum = Checked(dictionary, [&] {
      const auto make =
          options_.arithmetic == Arithmetic::kExact ? MakeSpectrum : MakeFloat32Spectrum;
      return make(rotary_dim, layers.theta, layers.rule, length);
    });
    if (auto* longrope = std::get_if<LongRopeRule>(&layers.rule)) {
      // Phi-3.5-MoE: one magnitude for each list.
      const auto near = dictionary.Number("short_mscale"), far = dictionary.Number("long_mscale");
      if (const auto magnitude = length > longrope->trained_length ? far : near) {
        longrope->attention_factor = spectrum.attention_factor = *magnitude;
      }
    }
    if (family_.attention_factor) spectrum.attention_factor = *family_.attention_factor;
    if (family_.negated) {
      for (double& frequency : spectrum.frequency) frequency = -frequency;
    }
    layers.rotates_values =
        !family_.values_key.empty() && config_.Bool(family_.values_key).value_or(false);
    layers.query =
        OnSections(Turned(span.head_dim, span.offset, rotary_dim, layout, spectrum), dictionary);
    layers.key = span.key_head_dim == span.head_dim
                     ? layers.query
                     : Turned(span.key_head_dim, span.key_offset, rotary_dim, layout, spectrum);
    if (const auto* yarn = std::get_if<YarnRule>(&layers.rule);
        yarn != nullptr && family_.scheme == "latent" && yarn->mscale_all_dim.value_or(0) != 0) {
      const double magnitude = YarnMagnitude(yarn->factor, *yarn->mscale_all_dim);
      layers.softmax_multiplier = magnitude * magnitude;
    }
  }

  bool IsScaled(const LayerGroup& group, const LayerTypeRope* own) const {
    const std::string key = family_.pattern ? family_.pattern->scaled_types_key : "";
    const auto types = key.empty() ? std::nullopt : config_.Find(key);
    if (!types) return own == nullptr || own->scaling;
    const std::vector<JsonValue> listed = types->Array();
    return std::any_of(listed.begin(), listed.end(),
                       [&](const JsonValue& type) { return type.String() == group.name; });
  }

  // The number of a list with one entry a layer, which layers of one type share.
  static double OfLayers(const JsonValue& list, const LayerGroup& group) {
    const std::vector<JsonValue> numbers = list.Array();
    std::optional<double> shared;
    for (const int layer : group.layers) {
      if (static_cast<size_t>(layer) >= numbers.size()) {
        throw list.Error("must have an entry for each layer, got ", numbers.size());
      }
      const double number = numbers[static_cast<size_t>(layer)].Number();
      if (shared && number != *shared) {
        throw list.Error("differs among the layers of type ", group.name, ": ", *shared, " and ",
                         number);
      }
      shared = number;
    }
    if (!shared) throw list.Error("must be a number, as the layers are not counted");
    return *shared;
  }

  // A number, or that of the layers in hand.
  double NumberOf(const JsonValue& value) const {
    return value.json().is_array() ? OfLayers(value, *group_) : value.Number();
  }

  // As Evaluate, for the layers in hand.
  std::optional<double> Value(const Terms& terms) const {
    for (const auto& term : terms) {
      const std::string* key = std::get_if<std::string>(&term);
      const auto value =
          key == nullptr || key->find(" / ") != key->npos ? std::nullopt : config_.Find(*key);
      if (value && value->json().is_array()) return NumberOf(*value);
      if (const auto number = Evaluate(config_, {term})) return number;
    }
    return std::nullopt;
  }

  // The first of the keys that is there.
  std::optional<JsonValue> Source(const Terms& terms) const {
    for (const auto& term : terms) {
      const std::string* key = std::get_if<std::string>(&term);
      if (key == nullptr || key->find(' ') != key->npos) continue;
      if (auto value = config_.Find(*key)) return value;
    }
    return std::nullopt;
  }

  // A list of thetas says NoPE by 0.
  bool HasNoTheta(const LayerGroup& group) const {
    const auto list = config_.Find("rope_theta");
    return list && list->json().is_array() && OfLayers(*list, group) == 0;
  }

  const LayerTypeRope* OwnRope(const std::string& type) const {
    if (!family_.pattern) return nullptr;
    const auto& ropes = family_.pattern->ropes;
    const auto found = std::find_if(ropes.begin(), ropes.end(),
                                    [&](const LayerTypeRope& rope) { return rope.name == type; });
    return found == ropes.end() ? nullptr : &*found;
  }

  // Turns what the rules refuse into a sentence about the file.
  template <class Body>
  std::invoke_result_t<Body> Checked(const RopeDictionary& dictionary, const Body& body) const {
    try {
      return body();
    } catch (const std::invalid_argument& error) {
      throw FileError(Sentence("cannot read ", dictionary.source(), ": ", dictionary.place(), ": ",
                               error.what()));
    }
  }

  int Channels(std::string_view what, double number) const {
    if (!(number >= 0 && number <= kMostChannels && number == std::floor(number))) {
      throw config_.value().Error("has ", what, " ", number,
                                  ", which must be a whole number up to ", kMostChannels);
    }
    return static_cast<int>(number);
  }

  int HeadDim(const LayerTypeRope* own) const {
    static const Terms kUsual = {"head_dim", "hidden_size / num_attention_heads"};
    const Terms& terms = own != nullptr && !own->head_dim.empty() ? own->head_dim
                         : family_.head_dim.empty()               ? kUsual
                                                                  : family_.head_dim;
    const auto head_dim = Evaluate(config_, terms);
    if (!head_dim) {
      throw config_.value().Error(
          "does not say how wide a head is: head_dim, or hidden_size and num_attention_heads");
    }
    if (*head_dim < 1) {
      const auto source = Source(terms);
      throw config_.value().Error("has heads of ", *head_dim, " channels: ",
                                  source ? source->place() : "hidden_size / num_attention_heads");
    }
    return Channels("head_dim", *head_dim);
  }

  Span ReadSpan(const RopeDictionary& dictionary, const LayerTypeRope* own) {
    Span span;
    if (family_.scheme == "latent") {
      const auto channels = [&](std::string_view key, const Terms& terms) {
        const auto value = Evaluate(config_, terms.empty() ? Terms{std::string(key)} : terms);
        if (!value) throw config_.value().Error("does not say ", key);
        return Channels(key, *value);
      };
      span.rotary_dim = channels("qk_rope_head_dim", family_.rotary_dim);
      span.offset = channels("qk_nope_head_dim", family_.offset);
      span.head_dim = span.offset + span.rotary_dim;
      span.key_head_dim = span.rotary_dim;
      config_.Find("head_dim");  // of values or of nothing: families disagree
      if (const auto share = dictionary.Find("partial_rotary_factor");
          share && std::trunc(span.head_dim * share->Number()) != span.rotary_dim) {
        throw share->Error("is ", share->json().dump(), ", qk_rope_head_dim is ", span.rotary_dim,
                           " of ", span.head_dim);
      }
      return span;
    }
    span.head_dim = HeadDim(own);
    const auto inner = dictionary.Number("partial_rotary_factor");
    const auto absolute = Evaluate(config_, family_.rotary_dim);
    static const Terms kUsual = {"partial_rotary_factor"};
    const Terms& fractions = family_.fraction.empty() ? kUsual : family_.fraction;
    const auto outer = Value(fractions);
    span.fraction = inner ? *inner : outer.value_or(1);
    const auto share = inner ? dictionary.Find("partial_rotary_factor") : Source(fractions);
    if (share && !(span.fraction >= 0 && span.fraction <= 1)) {
      throw share->Error("must be from 0 to 1, got ", span.fraction);
    }
    span.rotary_dim = absolute && !inner ? Channels("rotary_dim", *absolute)
                                         : static_cast<int>(span.head_dim * span.fraction);
    if (span.rotary_dim % 2 != 0 || span.rotary_dim > span.head_dim) {
      const auto source = absolute && !inner ? Source(family_.rotary_dim) : share;
      throw config_.value().Error(
          "rotates ", span.rotary_dim, " channels of a head of ", span.head_dim,
          source ? Sentence(" (", source->place(), " = ", source->json().dump(), ")") : "",
          ", which must be even and at most the head");
    }
    if (span.rotary_dim == 0) {
      result_.warnings.push_back(Sentence("no channel of a head of ", span.head_dim, " rotates"));
    }
    const bool at_end = family_.offset == Terms{"last"};
    span.offset = at_end ? span.head_dim - span.rotary_dim
                         : Channels("offset", Evaluate(config_, family_.offset).value_or(0));
    span.key_head_dim = span.head_dim;
    span.key_offset = span.offset;
    return span;
  }

  Layout ReadLayout() const {
    const auto named = config_.String(kLayoutKey);
    if (named && *named != "half" && *named != "interleaved") {
      throw config_.Find(kLayoutKey)->Error("must be half or interleaved, got ", *named);
    }
    if (options_.layout) return *options_.layout;
    if (named) return *named == "half" ? Layout::kHalf : Layout::kInterleaved;
    if (family_.layout_key.empty()) {
      return family_.layout == "interleaved" ? Layout::kInterleaved : Layout::kHalf;
    }
    return config_.Bool(family_.layout_key).value_or(family_.layout_missing) ? Layout::kInterleaved
                                                                             : Layout::kHalf;
  }

  double ReadTheta(const RopeDictionary& dictionary, const LayerTypeRope* own) const {
    static const Terms kUsual = {"rope_theta", 10000.0};
    const Terms& terms = own != nullptr && !own->theta.empty() ? own->theta
                         : family_.theta.empty()               ? kUsual
                                                               : family_.theta;
    const auto outer_source = Source(terms), inner_source = dictionary.Find("rope_theta");
    if (outer_source && !outer_source->json().is_array()) PositiveOf(*outer_source);
    if (inner_source) PositiveOf(*inner_source);
    const auto outer = Value(terms);
    const auto inner = dictionary.Number("rope_theta");
    if (inner && outer && *inner != *outer && !dictionary.IsDefault()) {
      for (const auto& term : terms) {
        const std::string* key = std::get_if<std::string>(&term);
        const auto value = key == nullptr ? std::nullopt : config_.Find(*key);
        if (!value) continue;
        throw value->Error("and ", dictionary.place(), ".rope_theta disagree: ", *outer, " and ",
                           *inner);
      }
    }
    // The class's own dictionary gives way to what the config says.
    const bool written = std::any_of(terms.begin(), terms.end(), [&](const auto& term) {
      const std::string* key = std::get_if<std::string>(&term);
      return key != nullptr && config_.Find(*key);
    });
    const bool outer_wins = dictionary.IsDefault() && written;
    const double theta = inner && !outer_wins ? *inner : outer.value_or(10000);
    if (family_.theta_factor.empty()) return theta;
    const auto ratio = config_.Find(family_.theta_factor);
    return ratio ? theta * PositiveOf(*ratio) : theta;
  }

  // Other names of what is already known may stand beside it, with the same value.
  void CheckOtherSpellings(const Span& span, Layout layout, std::optional<double> theta) const {
    const auto check = [&](std::string_view key, const std::string& right, const auto& agrees) {
      const auto given = config_.Find(key);
      if (!given || options_.ignore.contains(std::string(key))) return;
      if (agrees(*given)) return;
      throw given->Error("is ", given->json().dump(), ", ", right);
    };
    const auto others_say = [](const auto& value) {
      return Sentence("other keys and the family say ", value);
    };
    const auto same_number = [&](std::string_view key, double value) {
      check(key, others_say(value),
            [&](const JsonValue& given) { return NumberOf(given) == value; });
    };
    const auto same_share = [&](std::string_view key) {
      check(key, others_say(span.fraction), [&](const JsonValue& given) {
        return std::trunc(span.head_dim * NumberOf(given)) == span.rotary_dim;
      });
    };
    if (family_.scheme != "latent") {
      same_number("rotary_dim", span.rotary_dim);
      same_share("partial_rotary_factor");
      same_share("rotary_pct");
    }
    if (theta && family_.theta_factor.empty()) {
      same_number("rope_theta", *theta);
      same_number("rotary_emb_base", *theta);
    }
    const auto same_layout = [&](std::string_view key, bool value) {
      const char* word = value ? "true" : "false";
      check(key, options_.layout ? Sentence("--layout says ", word) : others_say(word),
            [&](const JsonValue& given) { return given.Bool() == value; });
    };
    for (const std::string_view key :
         {"rope_interleave", "rope_interleaved", "rotary_interleaved"}) {
      same_layout(key, layout == Layout::kInterleaved);
    }
    same_layout("is_neox_style", layout == Layout::kHalf);
  }

  static Rotation Turned(int head_dim, int offset, int rotary_dim, Layout layout,
                         const Spectrum& spectrum) {
    const Pairs pairs = PairsOf(rotary_dim, layout, offset);
    Rotation rotation;
    rotation.head_dim = head_dim;
    rotation.attention_factor = spectrum.attention_factor;
    rotation.first = pairs.first;
    rotation.second = pairs.second;
    rotation.frequency = spectrum.frequency;
    CheckRotation(rotation);
    return rotation;
  }

  // Gives pairs an axis where the family has sections.
  Rotation OnSections(Rotation rotation, const RopeDictionary& dictionary) const {
    if (!family_.sections) return rotation;
    const Sections& sections = *family_.sections;
    std::vector<int> counts = sections.missing;
    std::optional<JsonValue> given;
    for (const std::string& key : sections.keys) {
      if (!given) given = dictionary.Find(key);
    }
    if (given) {
      counts.clear();
      for (const JsonValue& count : given->Array()) {
        counts.push_back(static_cast<int>(count.Int(0, kMostChannels)));
      }
    }
    if (counts.empty()) return rotation;
    if (const auto interleaved = dictionary.Find("mrope_interleaved");
        interleaved && interleaved->Bool() != (sections.order == "interleaved")) {
      throw interleaved->Error("is ", interleaved->json().dump(), ", the sections of ",
                               family_.model_type, " are ", sections.order);
    }
    const int pairs = rotation.pairs();
    std::vector<int> axis;
    if (sections.order == "interleaved") {
      axis = InterleavedSections(pairs, counts);
    } else if (sections.order == "alternating" && counts.size() == 3) {
      axis = ErnieSections(counts[0], counts[1], counts[2]);
    } else {
      axis = ContiguousSections(counts);
    }
    if (static_cast<int>(axis.size()) != pairs) {
      const std::string what = given ? given->place() : "sections";
      throw FileError(Sentence("cannot read ", dictionary.source(), ": ", what, " must add up to ",
                               pairs, " pairs, got ", axis.size()));
    }
    return OnAxes(rotation, static_cast<int>(counts.size()), axis);
  }

  void ReadTemperature(bool rotates, const RopeDictionary& dictionary, const ModelLengths& lengths,
                       LayerRope& layers) const {
    if (const auto beta = dictionary.Number("llama_4_scaling_beta"); beta && *beta != 0) {
      layers.query_temperature = QueryTemperature{
          .scale = *beta, .length = lengths.original.value_or(lengths.most.value_or(1))};
    }
    if (family_.temperature == "llama4") {
      const bool on = config_.Bool("attn_temperature_tuning").value_or(true);
      const double length = config_.Number("floor_scale").value_or(8192);
      const double scale = config_.Number("attn_scale").value_or(0.1);
      if (on && !rotates) {
        layers.query_temperature = QueryTemperature{.scale = scale, .length = length, .shift = 1};
      }
    }
    if (family_.temperature == "qwen" && config_.Bool("use_logn_attn").value_or(false)) {
      layers.query_temperature =
          QueryTemperature{.kind = QueryTemperature::Kind::kLogarithm,
                           .length = config_.Number("seq_length").value_or(8192)};
    }
    if (!layers.query_temperature) return;
    // Logarithms of it, and quotients by it, are finite.
    const auto& [kind, scale, length, shift] = *layers.query_temperature;
    if (!(length >= (kind == QueryTemperature::Kind::kLogarithm ? 2 : 1))) {
      throw config_.value().Error("has a query temperature over ", length, " tokens");
    }
  }

  const ConfigObject& config_;
  const Family& family_;
  const std::string part_;
  const RopeConfigOptions& options_;
  const LayerGroup* group_ = nullptr;  // the one in hand
  PartRope result_;
};

}  // namespace

PartRope ReadTextPart(const ConfigObject& config, const Family& family, const std::string& part,
                      const RopeConfigOptions& options) {
  try {
    return TextReader(config, family, part, options).Read();
  } catch (const std::invalid_argument& error) {  // of the rope room
    throw config.value().Error("gives no rotation: ", error.what());
  }
}

}  // namespace rotary
