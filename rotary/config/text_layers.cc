#include "rotary/config/text_layers.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "rotary/config/head_span.h"
#include "rotary/config/layer_groups.h"
#include "rotary/config/layer_numbers.h"
#include "rotary/config/rope_dictionary.h"
#include "rotary/config/rope_spellings.h"
#include "rotary/config/rule_reader.h"
#include "rotary/config/transformers_warnings.h"
#include "rotary/config/unused_keys.h"
#include "rotary/rope/axes.h"
#include "rotary/rope/float32_arithmetic.h"

namespace rotary {
namespace {

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
      const bool rotates =
          group.rotates && !dictionary.IsStill() && !LayerNumbers(config_, group).HasNoTheta();
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
    const int head_dim = ChannelsOf(config_, "index_head_dim", static_cast<double>(*number));
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
    const LayerNumbers numbers(config_, group);
    const HeadSpan span =
        ReadHeadSpan(config_, family_, own, dictionary, numbers, result_.warnings);
    const Layout layout = ReadLayout(config_, family_, options_);
    layers.layout = layout == Layout::kHalf ? "half" : "interleaved";
    layers.rotary_dim = span.rotary_dim;
    layers.offset = span.offset;
    layers.theta = ReadTheta(config_, family_, own, dictionary, numbers);
    CheckOtherSpellings(config_, family_, options_, numbers, span, layout,
                        own == nullptr ? std::optional(layers.theta) : std::nullopt);
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
