#include "rotary/config/rule_reader.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "rotary/config/nearest.h"

namespace rotary {
namespace {

constexpr std::array<std::string_view, 14> kTypes = {
    "default",  "linear",       "dynamic", "ntk",    "yarn", "deepseek_yarn", "yarn_log", "llama3",
    "longrope", "proportional", "mrope",   "xdrope", "su",   "telechat3-yarn"};

// What must be there.
double Needed(const RopeDictionary& dictionary, const std::string& type, std::string_view key) {
  const auto value = dictionary.Number(key);
  if (!value) {
    throw FileError(Sentence("cannot read ", dictionary.source(), ": ", dictionary.place(), ".",
                             key, " is missing, rope_type ", type, " needs it"));
  }
  return *value;
}

double NeededLength(const RopeDictionary& dictionary, const std::string& type,
                    const std::optional<double>& length, std::string_view key, double least = 0) {
  if (length && !(*length > least)) {
    throw FileError(Sentence("cannot read ", dictionary.source(), ": ", key, " must be above ",
                             least, ", got ", *length));
  }
  if (!length) {
    throw FileError(Sentence("cannot read ", dictionary.source(), ": ", key,
                             " is missing, rope_type ", type, " needs it"));
  }
  return *length;
}

// Where a config does not say the original length, the longest is taken for it.
double TrainedLength(const RopeDictionary& dictionary, const std::string& type,
                     const ModelLengths& lengths, double least = 0) {
  const bool falls_back = !lengths.original && lengths.most;
  return NeededLength(dictionary, type, falls_back ? lengths.most : lengths.original,
                      falls_back ? lengths.most_key : "original_max_position_embeddings", least);
}

void WarnBelowOne(const RopeDictionary& dictionary, std::string_view key, double factor,
                  std::vector<std::string>& warnings) {
  if (factor >= 1) return;
  warnings.push_back(Sentence(dictionary.place(), ".", key, " is below 1: the context shrinks"));
}

// The factor of rules that may leave it to the lengths.
double FactorOrRatio(const RopeDictionary& dictionary, const std::string& type,
                     const ModelLengths& lengths, double original) {
  const auto factor = dictionary.Number("factor");
  if (factor) return *factor;
  return NeededLength(dictionary, type, lengths.most, "max_position_embeddings") / original;
}

YarnRule ReadYarn(const RopeDictionary& dictionary, const std::string& type,
                  const ModelLengths& lengths, std::vector<std::string>& warnings) {
  YarnRule rule;
  if (!lengths.original) {
    warnings.push_back(Sentence(dictionary.place(),
                                " does not say original_max_position_embeddings; "
                                "max_position_embeddings is taken for it, which is often the "
                                "stretched length already"));
  }
  rule.trained_length = TrainedLength(dictionary, type, lengths);
  rule.factor = FactorOrRatio(dictionary, type, lengths, rule.trained_length);
  // 0 counts as absent, as in transformers.
  const auto beta = [&](std::string_view key, double missing) {
    const double value = dictionary.Number(key).value_or(0);
    return value != 0 ? value : missing;
  };
  rule.beta_fast = beta("beta_fast", 32);
  rule.beta_slow = beta("beta_slow", 1);
  if (rule.beta_fast < rule.beta_slow) {
    throw FileError(Sentence("cannot read ", dictionary.source(), ": ", dictionary.place(),
                             ".beta_fast (", rule.beta_fast, ") must be at least beta_slow (",
                             rule.beta_slow, ")"));
  }
  rule.truncate = dictionary.Bool("truncate").value_or(true);
  rule.logarithmic = type == "yarn_log";
  rule.extrapolation_factor = dictionary.Number("extrapolation_factor").value_or(1);
  rule.attn_factor = dictionary.Number("attn_factor").value_or(1);
  rule.attention_factor = dictionary.Number("attention_factor");
  rule.mscale = dictionary.Number("mscale");
  rule.mscale_all_dim = dictionary.Number("mscale_all_dim");
  if (rule.logarithmic) rule.magnitude = 0;
  if (type == "telechat3-yarn") {
    rule.magnitude = 0.07;
    warnings.push_back(
        Sentence(dictionary.place(),
                 ": the magnitude of telechat3-yarn is 0.07 here, as in vLLM; MLX-LM "
                 "takes 0.1"));
  }
  if (!dictionary.Bool("apply_yarn_scaling").value_or(true)) rule.attention_factor = 1;
  dictionary.Find("finetuned");  // says how the model was made, not how it turns
  WarnBelowOne(dictionary, "factor", rule.factor, warnings);
  if (lengths.most && lengths.original &&
      std::abs(*lengths.most / *lengths.original / rule.factor - 1) > 1e-9) {
    warnings.push_back(Sentence(dictionary.place(), ".factor is ", rule.factor,
                                ", max_position_embeddings / original_max_position_embeddings is ",
                                *lengths.most / *lengths.original));
  }
  return rule;
}

LongRopeRule ReadLongRope(const RopeDictionary& dictionary, const std::string& type,
                          const ModelLengths& lengths) {
  LongRopeRule rule;
  rule.attention_factor = dictionary.Number("attention_factor");
  // Its own attention factor divides by the logarithm of the length.
  const double least = rule.attention_factor ? 0 : 1;
  rule.trained_length = TrainedLength(dictionary, type, lengths, least);
  rule.factor = FactorOrRatio(dictionary, type, lengths, rule.trained_length);
  for (auto* list : {&rule.short_factor, &rule.long_factor}) {
    const std::string_view key = list == &rule.short_factor ? "short_factor" : "long_factor";
    const auto numbers = dictionary.Numbers(key);
    if (!numbers) Needed(dictionary, type, key);
    *list = *numbers;
  }
  return rule;
}

}  // namespace

std::string RuleType(const RopeDictionary& dictionary) {
  const auto canonical = [](std::string type) -> std::string {
    if (type == "mrope" || type.empty()) return "default";
    if (type == "su") return "longrope";
    if (type == "deepseek_yarn") return "yarn";
    return type;
  };
  const auto rope_type = dictionary.String("rope_type"), type = dictionary.String("type");
  std::string name = canonical(rope_type ? *rope_type : type.value_or("default"));
  if (rope_type && type && canonical(*type) != name) {
    throw dictionary.Find("rope_type")
        ->Error("and ", dictionary.Find("type")->place(), " disagree: ", *rope_type, " and ",
                *type);
  }
  if (std::find(kTypes.begin(), kTypes.end(), name) == kTypes.end()) {
    const JsonValue value = *dictionary.Find(rope_type ? "rope_type" : "type");
    throw value.Error("is not a known rule: ", value.json().dump(), "; ", DidYouMean(name, kTypes));
  }
  // Phi-3 before transformers named the rule.
  if (name == "yarn" && dictionary.Find("short_factor")) return "longrope";
  return name;
}

ModelLengths ReadLengths(const ConfigObject& config, const RopeDictionary& dictionary) {
  ModelLengths lengths;
  for (const std::string_view key : {"max_position_embeddings", "n_positions", "seq_length",
                                     "max_sequence_length", "max_seq_len", "n_ctx"}) {
    if (lengths.most) break;
    lengths.most = config.Number(key);
    lengths.most_key = key;
  }
  lengths.original = dictionary.Number("original_max_position_embeddings");
  for (const std::string_view key :
       {"original_max_position_embeddings", "initial_context_length"}) {
    const auto outer = config.Number(key);
    if (outer && lengths.original && *outer != *lengths.original) {
      throw config.Find(key)->Error("is ", *outer, ", ", dictionary.place(),
                                    ".original_max_position_embeddings is ", *lengths.original);
    }
    if (outer) lengths.original = outer;
  }
  return lengths;
}

Rule ReadRule(const ConfigObject& config, const RopeDictionary& dictionary,
              const ModelLengths& lengths, int head_dim, double fraction,
              std::vector<std::string>& warnings) {
  const std::string type = RuleType(dictionary);
  if (type == "default") {
    // LongChat and Vicuna-16k, before there was a dictionary.
    const auto condensed = config.Number("rope_condense_ratio");
    return condensed && *condensed != 1 ? Rule(LinearRule{*condensed}) : Rule(PlainRule());
  }
  if (type == "linear") {
    const double factor = Needed(dictionary, type, "factor");
    WarnBelowOne(dictionary, "factor", factor, warnings);
    return LinearRule{factor};
  }
  if (type == "dynamic" || type == "xdrope") {
    if (const auto alpha = dictionary.Number("alpha")) {
      WarnBelowOne(dictionary, "alpha", *alpha, warnings);
      return NtkRule{*alpha};
    }
    if (type == "xdrope") Needed(dictionary, type, "alpha");
    return DynamicNtkRule{
        .factor = Needed(dictionary, type, "factor"),
        .max_length = NeededLength(dictionary, type, lengths.most, "max_position_embeddings")};
  }
  if (type == "ntk") {
    const double factor = Needed(dictionary, type, "factor");
    WarnBelowOne(dictionary, "factor", factor, warnings);
    return KexueNtkRule{.factor = factor, .mixed = dictionary.Number("mixed_b")};
  }
  if (type == "yarn" || type == "yarn_log" || type == "telechat3-yarn")
    return ReadYarn(dictionary, type, lengths, warnings);
  if (type == "longrope") return ReadLongRope(dictionary, type, lengths);
  if (type == "llama3") {
    const double factor = Needed(dictionary, type, "factor");
    WarnBelowOne(dictionary, "factor", factor, warnings);
    return Llama3Rule{.factor = factor,
                      .trained_length = NeededLength(dictionary, type, lengths.original,
                                                     "original_max_position_embeddings"),
                      .low_freq_factor = Needed(dictionary, type, "low_freq_factor"),
                      .high_freq_factor = Needed(dictionary, type, "high_freq_factor")};
  }
  // proportional
  const double factor = dictionary.Number("factor").value_or(1);
  WarnBelowOne(dictionary, "factor", factor, warnings);
  return ProportionalRule{.factor = factor,
                          .moving = static_cast<int>(std::floor(fraction * head_dim / 2))};
}

}  // namespace rotary
