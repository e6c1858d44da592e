// Compiled without contraction of products and sums (CMakeLists.txt): every operation rounds.
#include "rotary/rope/float32_arithmetic.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

namespace rotary {
namespace {

using Floats = std::vector<float>;

// Of a few operations in a row, each is rounded to float; only powers go through double, where
// their error vanishes before the rounding.
float Power(float base, float exponent) {
  return static_cast<float>(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
}

float ToFloat32(double x) { return static_cast<float>(x); }

// theta^(2i / rotary_dim)
Floats Powers(int rotary_dim, double theta) {
  Floats powers;
  for (int i = 0; i < rotary_dim / 2; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(rotary_dim);
    powers.push_back(Power(ToFloat32(theta), exponent));
  }
  return powers;
}

Floats Inverses(Floats values) {
  for (float& value : values) value = 1.0f / value;
  return values;
}

Floats Divided(Floats values, double divisor) {
  for (float& value : values) value /= ToFloat32(divisor);
  return values;
}

Floats Plain(int rotary_dim, double theta) { return Inverses(Powers(rotary_dim, theta)); }

// The exponent by which NTK-aware rules change theta. Two channels have one pair, which turns by 1
// whatever the theta.
double NtkExponent(int rotary_dim) { return rotary_dim > 2 ? rotary_dim / (rotary_dim - 2.0) : 1; }

Floats Apply(const PlainRule&, int rotary_dim, double theta, double) {
  return Plain(rotary_dim, theta);
}

Floats Apply(const LinearRule& rule, int rotary_dim, double theta, double) {
  return Divided(Plain(rotary_dim, theta), rule.factor);
}

Floats Apply(const NtkRule& rule, int rotary_dim, double theta, double) {
  return Plain(rotary_dim, theta * std::pow(rule.alpha, NtkExponent(rotary_dim)));
}

Floats Apply(const DynamicNtkRule& rule, int rotary_dim, double theta, double length) {
  if (length <= rule.max_length) return Plain(rotary_dim, theta);
  // The length is a tensor there, so that theta is computed in float.
  const float stretched = ToFloat32(rule.factor) * ToFloat32(length) / ToFloat32(rule.max_length);
  const float alpha = stretched - ToFloat32(rule.factor - 1);
  const float power = ToFloat32(std::pow(static_cast<double>(alpha), NtkExponent(rotary_dim)));
  return Plain(rotary_dim, ToFloat32(theta) * power);
}

Floats Apply(const YarnRule& rule, int rotary_dim, double theta, double) {
  const YarnRange ramp = YarnRampEnds(rotary_dim, theta, rule);
  Floats frequency;
  for (const float power : Powers(rotary_dim, theta)) {
    const auto i = static_cast<float>(frequency.size());
    const float place = (i - ToFloat32(ramp.low)) / ToFloat32(ramp.high - ramp.low);
    const float stays = 1.0f - std::clamp(place, 0.0f, 1.0f);
    const float slow = 1.0f / (ToFloat32(rule.factor) * power), fast = 1.0f / power;
    const float slow_part = slow * (1.0f - stays), fast_part = fast * stays;
    frequency.push_back(slow_part + fast_part);
  }
  return frequency;
}

Floats Apply(const LongRopeRule& rule, int rotary_dim, double theta, double length) {
  const auto& divisors = length > rule.trained_length ? rule.long_factor : rule.short_factor;
  Floats powers = Powers(rotary_dim, theta);
  for (size_t i = 0; i < powers.size(); ++i) powers[i] *= ToFloat32(divisors[i]);
  return Inverses(std::move(powers));
}

Floats Apply(const Llama3Rule& rule, int rotary_dim, double theta, double) {
  const float factor = ToFloat32(rule.factor);
  const float long_wave = ToFloat32(rule.trained_length / rule.low_freq_factor);
  const float short_wave = ToFloat32(rule.trained_length / rule.high_freq_factor);
  Floats frequency = Plain(rotary_dim, theta);
  for (float& w : frequency) {
    const float wave = ToFloat32(2 * std::numbers::pi) / w;
    if (wave > long_wave) {
      w /= factor;
    } else if (wave >= short_wave && rule.low_freq_factor < rule.high_freq_factor) {
      const float turns = ToFloat32(rule.trained_length) / wave;
      const float stays = (turns - ToFloat32(rule.low_freq_factor)) /
                          ToFloat32(rule.high_freq_factor - rule.low_freq_factor);
      const float slow_part = (1.0f - stays) * w / factor, fast_part = stays * w;
      w = slow_part + fast_part;
    }
  }
  return frequency;
}

Floats Apply(const ProportionalRule& rule, int rotary_dim, double theta, double) {
  Floats frequency = Divided(Plain(rotary_dim, theta), rule.factor);
  std::fill(frequency.begin() + rule.moving, frequency.end(), 0.0f);
  return frequency;
}

// Whether transformers has the rule, and so an arithmetic of its own for it.
bool IsInTransformers(const Rule& rule) {
  if (const auto* yarn = std::get_if<YarnRule>(&rule)) {
    return !yarn->logarithmic && yarn->extrapolation_factor == 1;
  }
  return !std::holds_alternative<KexueNtkRule>(rule) &&
         !std::holds_alternative<NtkByPartsRule>(rule) &&
         !std::holds_alternative<QwenNtkRule>(rule);
}

}  // namespace

Spectrum MakeFloat32Spectrum(int rotary_dim, double theta, const Rule& rule, double length) {
  Spectrum spectrum = MakeSpectrum(rotary_dim, theta, rule, length);  // checks everything
  if (!IsInTransformers(rule)) {
    for (double& w : spectrum.frequency) w = ToFloat32(w);
    return spectrum;
  }
  const Floats frequency = std::visit(
      [&](const auto& r) -> Floats {
        if constexpr (requires { Apply(r, rotary_dim, theta, length); }) {
          return Apply(r, rotary_dim, theta, length);
        } else {
          return {};  // IsInTransformers is false
        }
      },
      rule);
  spectrum.frequency.assign(frequency.begin(), frequency.end());
  return spectrum;
}

Rotation RoundedToFloat32(Rotation rotation) {
  for (double& w : rotation.frequency) w = ToFloat32(w);
  for (double& w : rotation.second_frequency) w = ToFloat32(w);
  rotation.attention_factor = ToFloat32(rotation.attention_factor);
  return rotation;
}

Turn Float32TurnBy(const double* frequency, const double* position, int axes) {
  float angle = 0;
  for (int axis = 0; axis < axes; ++axis) {
    const float product = ToFloat32(frequency[axis]) * ToFloat32(position[axis]);
    angle += product;
  }
  // Through double, so that the result is the rounded one with any library of functions. Volatile:
  // GCC 12 joins the two roundings into a vector and then drops them.
  const volatile float cos = ToFloat32(std::cos(static_cast<double>(angle)));
  const volatile float sin = ToFloat32(std::sin(static_cast<double>(angle)));
  return {cos, sin};
}

}  // namespace rotary
