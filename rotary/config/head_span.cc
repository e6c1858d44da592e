#include "rotary/config/head_span.h"

#include <cmath>
#include <optional>

namespace rotary {
namespace {

int HeadDim(const ConfigObject& config, const Family& family, const LayerTypeRope* own) {
  static const Terms kUsual = {"head_dim", "hidden_size / num_attention_heads"};
  const Terms& terms = own != nullptr && !own->head_dim.empty() ? own->head_dim
                       : family.head_dim.empty()                ? kUsual
                                                                : family.head_dim;
  const auto head_dim = Evaluate(config, terms);
  if (!head_dim) {
    throw config.value().Error(
        "does not say how wide a head is: head_dim, or hidden_size and num_attention_heads");
  }
  if (*head_dim < 1) {
    const auto source = SourceOf(config, terms);
    throw config.value().Error("has heads of ", *head_dim, " channels: ",
                               source ? source->place() : "hidden_size / num_attention_heads");
  }
  return ChannelsOf(config, "head_dim", *head_dim);
}

// Latent attention: the last channels of a query turn; the keys that turn are shared by all heads
// and stand alone.
HeadSpan LatentSpan(const ConfigObject& config, const Family& family,
                    const RopeDictionary& dictionary) {
  HeadSpan span;
  const auto channels = [&](std::string_view key, const Terms& terms) {
    const auto value = Evaluate(config, terms.empty() ? Terms{std::string(key)} : terms);
    if (!value) throw config.value().Error("does not say ", key);
    return ChannelsOf(config, key, *value);
  };
  span.rotary_dim = channels("qk_rope_head_dim", family.rotary_dim);
  span.offset = channels("qk_nope_head_dim", family.offset);
  span.head_dim = span.offset + span.rotary_dim;
  span.key_head_dim = span.rotary_dim;
  config.Find("head_dim");  // of values or of nothing: families disagree
  if (const auto share = dictionary.Find("partial_rotary_factor");
      share && std::trunc(span.head_dim * share->Number()) != span.rotary_dim) {
    throw share->Error("is ", share->json().dump(), ", qk_rope_head_dim is ", span.rotary_dim,
                       " of ", span.head_dim);
  }
  return span;
}

}  // namespace

int ChannelsOf(const ConfigObject& config, std::string_view what, double number) {
  if (!(number >= 0 && number <= kMostChannels && number == std::floor(number))) {
    throw config.value().Error("has ", what, " ", number, ", which must be a whole number up to ",
                               kMostChannels);
  }
  return static_cast<int>(number);
}

HeadSpan ReadHeadSpan(const ConfigObject& config, const Family& family, const LayerTypeRope* own,
                      const RopeDictionary& dictionary, const LayerNumbers& numbers,
                      std::vector<std::string>& warnings) {
  if (family.scheme == "latent") return LatentSpan(config, family, dictionary);
  HeadSpan span;
  span.head_dim = HeadDim(config, family, own);
  const auto inner = dictionary.Number("partial_rotary_factor");
  const auto absolute = Evaluate(config, family.rotary_dim);
  static const Terms kUsual = {"partial_rotary_factor"};
  const Terms& fractions = family.fraction.empty() ? kUsual : family.fraction;
  const auto outer = numbers.Value(fractions);
  span.fraction = inner ? *inner : outer.value_or(1);
  const auto share = inner ? dictionary.Find("partial_rotary_factor") : SourceOf(config, fractions);
  if (share && !(span.fraction >= 0 && span.fraction <= 1)) {
    throw share->Error("must be from 0 to 1, got ", span.fraction);
  }
  span.rotary_dim = absolute && !inner ? ChannelsOf(config, "rotary_dim", *absolute)
                                       : static_cast<int>(span.head_dim * span.fraction);
  if (span.rotary_dim % 2 != 0 || span.rotary_dim > span.head_dim) {
    const auto source = absolute && !inner ? SourceOf(config, family.rotary_dim) : share;
    throw config.value().Error(
        "rotates ", span.rotary_dim, " channels of a head of ", span.head_dim,
        source ? Sentence(" (", source->place(), " = ", source->json().dump(), ")") : "",
        ", which must be even and at most the head");
  }
  if (span.rotary_dim == 0) {
    warnings.push_back(Sentence("no channel of a head of ", span.head_dim, " rotates"));
  }
  const bool at_end = family.offset == Terms{"last"};
  span.offset = at_end ? span.head_dim - span.rotary_dim
                       : ChannelsOf(config, "offset", Evaluate(config, family.offset).value_or(0));
  span.key_head_dim = span.head_dim;
  span.key_offset = span.offset;
  return span;
}

}  // namespace rotary
