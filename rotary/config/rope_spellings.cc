#include "rotary/config/rope_spellings.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

#include "rotary/config/config_layout.h"

namespace rotary {

Layout ReadLayout(const ConfigObject& config, const Family& family,
                  const RopeConfigOptions& options) {
  const auto named = config.String(kLayoutKey);
  if (named && *named != "half" && *named != "interleaved") {
    throw config.Find(kLayoutKey)->Error("must be half or interleaved, got ", *named);
  }
  if (options.layout) return *options.layout;
  if (named) return *named == "half" ? Layout::kHalf : Layout::kInterleaved;
  if (family.layout_key.empty()) {
    return family.layout == "interleaved" ? Layout::kInterleaved : Layout::kHalf;
  }
  return config.Bool(family.layout_key).value_or(family.layout_missing) ? Layout::kInterleaved
                                                                        : Layout::kHalf;
}

double ReadTheta(const ConfigObject& config, const Family& family, const LayerTypeRope* own,
                 const RopeDictionary& dictionary, const LayerNumbers& numbers) {
  static const Terms kUsual = {"rope_theta", 10000.0};
  const Terms& terms = own != nullptr && !own->theta.empty() ? own->theta
                       : family.theta.empty()                ? kUsual
                                                             : family.theta;
  const auto outer_source = SourceOf(config, terms), inner_source = dictionary.Find("rope_theta");
  if (outer_source && !outer_source->json().is_array()) PositiveOf(*outer_source);
  if (inner_source) PositiveOf(*inner_source);
  const auto outer = numbers.Value(terms);
  const auto inner = dictionary.Number("rope_theta");
  if (inner && outer && *inner != *outer && !dictionary.IsDefault()) {
    for (const auto& term : terms) {
      const std::string* key = std::get_if<std::string>(&term);
      const auto value = key == nullptr ? std::nullopt : config.Find(*key);
      if (!value) continue;
      throw value->Error("and ", dictionary.place(), ".rope_theta disagree: ", *outer, " and ",
                         *inner);
    }
  }
  // The class's own dictionary gives way to what the config says.
  const bool written = std::any_of(terms.begin(), terms.end(), [&](const auto& term) {
    const std::string* key = std::get_if<std::string>(&term);
    return key != nullptr && config.Find(*key);
  });
  const bool outer_wins = dictionary.IsDefault() && written;
  const double theta = inner && !outer_wins ? *inner : outer.value_or(10000);
  if (family.theta_factor.empty()) return theta;
  const auto ratio = config.Find(family.theta_factor);
  return ratio ? theta * PositiveOf(*ratio) : theta;
}

void CheckOtherSpellings(const ConfigObject& config, const Family& family,
                         const RopeConfigOptions& options, const LayerNumbers& numbers,
                         const HeadSpan& span, Layout layout, std::optional<double> theta) {
  const auto check = [&](std::string_view key, const std::string& right, const auto& agrees) {
    const auto given = config.Find(key);
    if (!given || options.ignore.contains(std::string(key))) return;
    if (agrees(*given)) return;
    throw given->Error("is ", given->json().dump(), ", ", right);
  };
  const auto others_say = [](const auto& value) {
    return Sentence("other keys and the family say ", value);
  };
  const auto same_number = [&](std::string_view key, double value) {
    check(key, others_say(value),
          [&](const JsonValue& given) { return numbers.Of(given) == value; });
  };
  const auto same_share = [&](std::string_view key) {
    check(key, others_say(span.fraction), [&](const JsonValue& given) {
      return std::trunc(span.head_dim * numbers.Of(given)) == span.rotary_dim;
    });
  };
  if (family.scheme != "latent") {
    same_number("rotary_dim", span.rotary_dim);
    same_share("partial_rotary_factor");
    same_share("rotary_pct");
  }
  if (theta && family.theta_factor.empty()) {
    same_number("rope_theta", *theta);
    same_number("rotary_emb_base", *theta);
  }
  const auto same_layout = [&](std::string_view key, bool value) {
    const char* word = value ? "true" : "false";
    check(key, options.layout ? Sentence("--layout says ", word) : others_say(word),
          [&](const JsonValue& given) { return given.Bool() == value; });
  };
  for (const std::string_view key : {"rope_interleave", "rope_interleaved", "rotary_interleaved"}) {
    same_layout(key, layout == Layout::kInterleaved);
  }
  same_layout("is_neox_style", layout == Layout::kHalf);
}

}  // namespace rotary
