// The frequencies of every rule, in 200 bits, each function straight from its source. Written for
// the golden vectors alone: rules.h of the rope room is judged by these.
//
// d is the number of rotated channels, `theta` the base; a list has d / 2 frequencies, in radians
// per unit of position.
#ifndef ROTARY_GOLDEN_EXACT_RULES_H_
#define ROTARY_GOLDEN_EXACT_RULES_H_

#include <optional>
#include <vector>

#include "rotary/golden/exact.h"

namespace rotary::exact {

using Frequencies = std::vector<Exact>;

struct Scaled {
  Frequencies frequency;
  Exact attention_factor = 1;
};

// theta^(-2i/d). Su et al. 2021, arXiv:2104.09864, section 3.3.
Frequencies Plain(int d, const Exact& theta);

// w_i / factor. Chen et al. 2023, arXiv:2306.15595.
Frequencies Divided(Frequencies frequency, const Exact& factor);

// theta alpha^(d/(d-2)): "NTK-aware", as transformers' dynamic rule and ExLlama have it.
Exact NtkTheta(int d, const Exact& theta, const Exact& alpha);

// alpha = factor S / longest - (factor - 1), S = max(length, longest). transformers,
// modeling_rope_utils.
Exact DynamicAlpha(double factor, double longest, double length);

// Su Jianlin's NTK as vLLM runs it: theta factor, all divided by factor^(2/d); or, mixed, w_i
// divided by exp(a (i+1)^b), a = ln(factor) / (d/2)^b.
Frequencies KexueNtk(int d, double theta, double factor);
Frequencies KexueNtkMixed(int d, double theta, double factor, double b);

// NTK-by-parts, github.com/jquesnelle/yarn.
Frequencies NtkByParts(int d, double theta, double factor, double trained);

struct Yarn {
  double factor = 1, trained = 0;
  double beta_fast = 32, beta_slow = 1;
  bool truncate = true;
  bool logarithmic = false;  // Grok's "yarn_log" in vLLM: blends logarithms, no magnitude
  std::optional<double> attention_factor, mscale, mscale_all_dim;
  // Of the original code (github.com/jquesnelle/yarn): how far fast pairs stay as they are, a
  // factor on the attention factor.
  double extrapolation_factor = 1, attn_factor = 1;
};
// Peng et al. 2023, arXiv:2309.00071; mscale: DeepSeek-V2 and V3, inference code.
Scaled ByYarn(int d, double theta, const Yarn& yarn);

// Divisors for each pair; attention factor sqrt(1 + ln(factor) / ln(trained)). Ding et al. 2024,
// arXiv:2402.13753.
Scaled ByLongRope(int d, double theta, const std::vector<double>& divisors, double factor,
                  double trained);

// By wavelengths against the trained length. Llama 3.1, as released; equal ends: a step.
Frequencies Llama3(int d, double theta, double factor, double low, double high, double trained);

// The first floor(share d / 2) pairs of a whole head, the rest 0. Gemma 4, as in transformers.
Frequencies Proportional(int head_dim, double theta, double share);

// From first to last, both included, by equal factors.
Frequencies Geometric(int count, const Exact& first, const Exact& last);

}  // namespace rotary::exact

#endif  // ROTARY_GOLDEN_EXACT_RULES_H_
