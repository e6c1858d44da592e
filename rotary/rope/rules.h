// The frequency of each pair, by the rules in use for long context.
//
// A rule changes the plain spectrum theta^(-2i / rotary_dim) of pairs i = 0 .. rotary_dim/2 - 1,
// and may add an attention factor, which multiplies cosines and sines (scores get its square).
// Positions stay as they are. Everything is computed in double.
//
//   const Spectrum spectrum = MakeSpectrum(128, 1e6, YarnRule{.factor = 4, .trained_length =
//   32768});
#ifndef ROTARY_ROPE_RULES_H_
#define ROTARY_ROPE_RULES_H_

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace rotary {

// theta^(-2i / rotary_dim). RoFormer, arXiv:2104.09864, section 3.3; a larger theta is "adjusted
// base frequency".
struct PlainRule {};

// Position interpolation (arXiv:2306.15595): frequencies divided by `factor`.
struct LinearRule {
  double factor = 1;
};

// NTK-aware, fixed: theta becomes theta alpha^(d / (d - 2)). The first pair stays, the last is
// divided by alpha.
struct NtkRule {
  double alpha = 1;
};

// The "ntk" of Su Jianlin (kexue.fm 9675) as vLLM runs it. Without `mixed`: theta times factor, and
// all frequencies divided by factor^(2/d). With it: frequency i divided by
// exp(ln(factor) (i + 1)^mixed / (d/2)^mixed).
struct KexueNtkRule {
  double factor = 1;
  std::optional<double> mixed;
};

// Dynamic NTK: alpha = factor S / max_length - (factor - 1), with S the longer of the length and
// max_length; alpha is 1 up to max_length.
struct DynamicNtkRule {
  double factor = 1;
  double max_length = 0;
};

// Qwen (1): alpha = 2^ceil(log2(length / trained_length) + 1) - 1 beyond the trained length, else
// 1: a step function of the length of the prompt.
struct QwenNtkRule {
  double trained_length = 0;
};

// NTK-by-parts, before YaRN (github.com/jquesnelle/yarn): linear and NTK-aware frequencies blended
// between beta[0] and beta[1] turns over the trained length, then these and the plain ones between
// gamma[0] and gamma[1].
struct NtkByPartsRule {
  double factor = 1;
  double trained_length = 0;
  double beta[2] = {1.25, 0.75};
  double gamma[2] = {16, 2};
};

// YaRN (arXiv:2309.00071, section 3.2): pairs that turn more than beta_fast times over the trained
// length stay, those that turn less than beta_slow times are divided by factor, a ramp between.
struct YarnRule {
  double factor = 1;
  double trained_length = 0;
  double beta_fast = 32;
  double beta_slow = 1;
  bool truncate = true;             // the ends of the ramp are whole pairs (gpt-oss: not)
  bool logarithmic = false;         // the ramp blends logarithms of frequencies ("yarn_log")
  double extrapolation_factor = 1;  // of the original code: how far fast pairs stay as they are
  double attn_factor = 1;           // of the original code: a factor on the attention factor
  double magnitude = 0.1;           // attention factor 1 + magnitude mscale ln(factor)
  std::optional<double> attention_factor;  // given: nothing else counts
  // Both other than 0 (DeepSeek): g(mscale) / g(mscale_all_dim), with g(m) = 1 + magnitude m
  // ln(factor) for factors above 1.
  std::optional<double> mscale, mscale_all_dim;
};

// LongRoPE (arXiv:2402.13753): frequency i divided by short_factor[i], or by long_factor[i] beyond
// the trained length. The attention factor sqrt(1 + ln(factor) / ln(trained_length)) holds at all
// lengths.
struct LongRopeRule {
  std::vector<double> short_factor, long_factor;  // [rotary_dim / 2]
  double factor = 1;                              // for the attention factor
  double trained_length = 0;
  std::optional<double> attention_factor;
};

// Llama 3.1: wavelengths above trained_length / low_freq_factor are multiplied by factor, those
// below trained_length / high_freq_factor stay, a ramp in the frequencies between. low = high is a
// step (Llama 4 Scout).
struct Llama3Rule {
  double factor = 1;
  double trained_length = 0;
  double low_freq_factor = 1;
  double high_freq_factor = 4;
};

// Proportional (Gemma 4): theta^(-2i / rotary_dim) / factor for the first `moving` pairs of a
// rotary_dim that is the whole head; the others stand still.
struct ProportionalRule {
  double factor = 1;
  int moving = 0;
};

using Rule = std::variant<PlainRule, LinearRule, NtkRule, KexueNtkRule, DynamicNtkRule, QwenNtkRule,
                          NtkByPartsRule, YarnRule, LongRopeRule, Llama3Rule, ProportionalRule>;

struct Spectrum {
  std::vector<double> frequency;  // [rotary_dim / 2], radians per unit of position
  double attention_factor = 1;
};

// The spectrum of `rotary_dim` channels for texts of `length` tokens (the highest position + 1),
// which only dynamic rules and LongRoPE ask for.
//
// Accuracy: frequencies within 1e-14 relative of the formula's value.
//
// Throws std::invalid_argument: rotary_dim odd or below 0; theta, a factor, a length not positive
// and finite; a list of another length than rotary_dim / 2; ramps whose ends are in the wrong order
// (low_freq_factor above high_freq_factor, beta_fast below beta_slow).
Spectrum MakeSpectrum(int rotary_dim, double theta, const Rule& rule, double length = 0);

// Whether the spectrum depends on the length.
bool DependsOnLength(const Rule& rule);

// "yarn", as configs spell it.
std::string_view Name(const Rule& rule);

// With its numbers, for people: "yarn: factor 4 from 32768 tokens, ...".
std::string Describe(const Rule& rule);

// 1 + 0.1 m ln(factor) for factors above 1, else 1: the magnitude of YaRN, squared as DeepSeek's
// softmax multiplier.
double YarnMagnitude(double factor, double m, double magnitude = 0.1);

// The pairs between which YaRN's ramp lies, not rounded: [0] of beta_fast, [1] of beta_slow.
struct YarnRange {
  double low, high;
};
YarnRange YarnRamp(int rotary_dim, double theta, const YarnRule& rule);

// The ends of the ramp as the spectrum has them: whole pairs where the rule truncates, inside
// [0, rotary_dim - 1], low below high. Throws as MakeSpectrum does.
YarnRange YarnRampEnds(int rotary_dim, double theta, const YarnRule& rule);

}  // namespace rotary

#endif  // ROTARY_ROPE_RULES_H_
