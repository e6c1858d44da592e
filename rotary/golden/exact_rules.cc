#include "rotary/golden/exact_rules.h"

#include <algorithm>
#include <cstddef>

namespace rotary::exact {
namespace {

// The pair that makes `turns` turns over the trained length.
Exact PairThatTurns(int d, double theta, double trained, double turns) {
  return Exact(d) * Log(Exact(trained) / (Exact(2) * Exact::Pi() * turns)) /
         (Exact(2) * Log(theta));
}

// 0 before `low`, 1 from `high` on, for pairs 0 .. d/2 - 1.
Frequencies Ramp(int d, Exact low, Exact high, bool truncate) {
  if (truncate) {
    low = Floor(low);
    high = Ceil(high);
  }
  low = std::max(low, Exact(0));
  high = std::min(high, Exact(d - 1));
  if (low == high) high = high + Exact(1) / 1000;
  Frequencies ramp;
  for (int i = 0; i < d / 2; ++i) {
    ramp.push_back(std::clamp((Exact(i) - low) / (high - low), Exact(0), Exact(1)));
  }
  return ramp;
}

Exact Magnitude(double factor, double m) {
  return factor <= 1 ? Exact(1) : Exact(1) / 10 * m * Log(factor) + 1;
}

}  // namespace

Frequencies Plain(int d, const Exact& theta) {
  Frequencies frequency;
  for (int i = 0; i < d / 2; ++i) frequency.push_back(Pow(theta, Exact(-2 * i) / d));
  return frequency;
}

Frequencies Divided(Frequencies frequency, const Exact& factor) {
  for (Exact& w : frequency) w = w / factor;
  return frequency;
}

Exact NtkTheta(int d, const Exact& theta, const Exact& alpha) {
  return theta * Pow(alpha, Exact(d) / (d - 2));
}

Exact DynamicAlpha(double factor, double longest, double length) {
  return Exact(factor) * std::max(length, longest) / longest - (Exact(factor) - 1);
}

Frequencies KexueNtk(int d, double theta, double factor) {
  return Divided(Plain(d, Exact(theta) * factor), Pow(factor, Exact(2) / d));
}

Frequencies KexueNtkMixed(int d, double theta, double factor, double b) {
  const Exact a = Log(factor) / Pow(Exact(d) / 2, b);
  Frequencies frequency = Plain(d, theta);
  for (size_t i = 0; i < frequency.size(); ++i) {
    frequency[i] = frequency[i] / Exp(a * Pow(static_cast<double>(i + 1), b));
  }
  return frequency;
}

Frequencies NtkByParts(int d, double theta, double factor, double trained) {
  const auto ramp = [&](double fast, double slow) {
    return Ramp(d, PairThatTurns(d, theta, trained, fast), PairThatTurns(d, theta, trained, slow),
                true);
  };
  const Frequencies plain = Plain(d, theta), ntk = Plain(d, NtkTheta(d, theta, factor));
  const Frequencies beta = ramp(1.25, 0.75), gamma = ramp(16, 2);
  Frequencies frequency;
  for (size_t i = 0; i < plain.size(); ++i) {
    const Exact slow = plain[i] / factor * beta[i] + ntk[i] * (Exact(1) - beta[i]);
    frequency.push_back(slow * gamma[i] + plain[i] * (Exact(1) - gamma[i]));
  }
  return frequency;
}

Scaled ByYarn(int d, double theta, const Yarn& yarn) {
  const Frequencies ramp =
      Ramp(d, PairThatTurns(d, theta, yarn.trained, yarn.beta_fast),
           PairThatTurns(d, theta, yarn.trained, yarn.beta_slow), yarn.truncate);
  Scaled scaled{.frequency = Plain(d, theta)};
  for (size_t i = 0; i < ramp.size(); ++i) {
    Exact& w = scaled.frequency[i];
    const Exact stays = (Exact(1) - ramp[i]) * yarn.extrapolation_factor;
    w = yarn.logarithmic ? w / Pow(yarn.factor, Exact(1) - stays)
                         : w / yarn.factor * (Exact(1) - stays) + w * stays;
  }
  if (yarn.attention_factor) {
    scaled.attention_factor = *yarn.attention_factor;
  } else if (yarn.mscale.value_or(0) != 0 && yarn.mscale_all_dim.value_or(0) != 0) {
    scaled.attention_factor =
        Magnitude(yarn.factor, *yarn.mscale) / Magnitude(yarn.factor, *yarn.mscale_all_dim);
  } else if (!yarn.logarithmic) {
    scaled.attention_factor = Magnitude(yarn.factor, 1) * yarn.attn_factor;
  }
  return scaled;
}

Scaled ByLongRope(int d, double theta, const std::vector<double>& divisors, double factor,
                  double trained) {
  Scaled scaled{.frequency = Plain(d, theta),
                .attention_factor = Sqrt(Exact(1) + Log(factor) / Log(trained))};
  for (size_t i = 0; i < divisors.size(); ++i) {
    scaled.frequency[i] = scaled.frequency[i] / divisors[i];
  }
  return scaled;
}

Frequencies Llama3(int d, double theta, double factor, double low, double high, double trained) {
  Frequencies frequency = Plain(d, theta);
  for (Exact& w : frequency) {
    const Exact turns = Exact(trained) * w / (Exact(2) * Exact::Pi());
    if (turns < low) {
      w = w / factor;
    } else if (turns < high) {
      const Exact smooth = (turns - low) / (Exact(high) - low);
      w = (Exact(1) - smooth) * w / factor + smooth * w;
    }
  }
  return frequency;
}

Frequencies Proportional(int head_dim, double theta, double share) {
  const auto moving = static_cast<size_t>(Floor(Exact(share) * head_dim / 2).Double());
  Frequencies frequency = Plain(head_dim, theta);
  std::fill(frequency.begin() + static_cast<std::ptrdiff_t>(moving), frequency.end(), Exact(0));
  return frequency;
}

Frequencies Geometric(int count, const Exact& first, const Exact& last) {
  Frequencies frequency;
  for (int i = 0; i < count; ++i) {
    frequency.push_back(count == 1 ? first : first * Pow(last / first, Exact(i) / (count - 1)));
  }
  return frequency;
}

}  // namespace rotary::exact
