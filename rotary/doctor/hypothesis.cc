#include "rotary/doctor/hypothesis.h"

#include <cmath>
#include <stdexcept>
#include <type_traits>

namespace rotary {
namespace {

double* RuleSlot(Rule& rule, Knob knob) {
  return std::visit(
      [&]<class R>(R& r) -> double* {
        if constexpr (std::is_same_v<R, NtkRule>) {
          if (knob == Knob::kFactor) return &r.alpha;
        } else if constexpr (std::is_same_v<R, DynamicNtkRule>) {
          if (knob == Knob::kFactor) return &r.factor;
          if (knob == Knob::kTrainedLength) return &r.max_length;
        } else if constexpr (std::is_same_v<R, QwenNtkRule>) {
          if (knob == Knob::kTrainedLength) return &r.trained_length;
        } else if constexpr (std::is_same_v<R, LinearRule> || std::is_same_v<R, KexueNtkRule> ||
                             std::is_same_v<R, ProportionalRule>) {
          if (knob == Knob::kFactor) return &r.factor;
        } else if constexpr (std::is_same_v<R, NtkByPartsRule> || std::is_same_v<R, YarnRule> ||
                             std::is_same_v<R, Llama3Rule>) {
          if (knob == Knob::kFactor) return &r.factor;
          if (knob == Knob::kTrainedLength) return &r.trained_length;
          if constexpr (std::is_same_v<R, YarnRule>) {
            if (knob == Knob::kFastTurns) return &r.beta_fast;
            if (knob == Knob::kSlowTurns) return &r.beta_slow;
          } else if constexpr (std::is_same_v<R, Llama3Rule>) {
            if (knob == Knob::kFastTurns) return &r.high_freq_factor;
            if (knob == Knob::kSlowTurns) return &r.low_freq_factor;
          }
        }
        return nullptr;  // LongRoPE: which list counts depends on the length alone
      },
      rule);
}

double PlainTheta(const Hypothesis& h, int rotary_dim) {
  const double exponent = h.denominator == 0 ? 1 : static_cast<double>(rotary_dim) / h.denominator;
  return std::pow(h.theta, exponent);
}

// The float ratio of neighbours.
float RatioOf(double theta, int rotary_dim, int ulps) {
  auto ratio = static_cast<float>(std::pow(theta, -2.0 / rotary_dim));
  for (int i = 0; i < std::abs(ulps); ++i) {
    ratio = std::nextafter(ratio, ulps > 0 ? 2.0f * ratio : 0.0f);
  }
  return ratio;
}

// Replaces plain frequencies in `frequency`, which a rule made of them, by float products, each of
// the one before and the ratio.
void RoundProducts(float ratio, std::vector<double>& frequency) {
  float product = 1;
  double exact = 1;
  for (double& w : frequency) {
    w *= product / exact;
    product *= ratio;
    exact *= ratio;
  }
}

}  // namespace

std::string_view Name(FrequencyArithmetic arithmetic) {
  switch (arithmetic) {
    case FrequencyArithmetic::kUnknown:
      return "unknown";
    case FrequencyArithmetic::kExact:
      return "exact";
    case FrequencyArithmetic::kFloat32:
      return "float32";
    case FrequencyArithmetic::kRunningProduct:
      return "running product";
    case FrequencyArithmetic::kTF32:
      return "tf32";
    case FrequencyArithmetic::kF16:
      return "f16";
    case FrequencyArithmetic::kBF16:
      return "bf16";
  }
  throw std::invalid_argument("Name: not an arithmetic");
}

std::string_view Name(ConfigDifference difference) {
  switch (difference) {
    case ConfigDifference::kTheta:
      return "theta";
    case ConfigDifference::kScalingMissing:
      return "scaling-missing";
    case ConfigDifference::kScalingDiffers:
      return "scaling";
    case ConfigDifference::kLength:
      return "length";
    case ConfigDifference::kDenominator:
      return "denominator";
    case ConfigDifference::kTwice:
      return "twice";
    case ConfigDifference::kScale:
      return "scale";
    case ConfigDifference::kRounding:
      return "rounding";
    case ConfigDifference::kOther:
      return "other";
  }
  throw std::invalid_argument("Name: not a difference");
}

double* Slot(Hypothesis& h, Knob knob) {
  if (knob == Knob::kScale) return &h.scale;
  if (!h.list.empty()) return nullptr;
  if (knob == Knob::kTheta) return &h.theta;
  if (knob == Knob::kLength) {
    return std::holds_alternative<DynamicNtkRule>(h.rule) ? &h.length : nullptr;
  }
  return RuleSlot(h.rule, knob);
}

const double* Slot(const Hypothesis& h, Knob knob) {
  return Slot(const_cast<Hypothesis&>(h), knob);
}

std::string KnobName(const Hypothesis& h, Knob knob) {
  const bool yarn = std::holds_alternative<YarnRule>(h.rule);
  switch (knob) {
    case Knob::kTheta:
      return "theta";
    case Knob::kScale:
      return "scale";
    case Knob::kFactor:
      return std::holds_alternative<NtkRule>(h.rule) ? "alpha" : "factor";
    case Knob::kTrainedLength:
      return std::holds_alternative<DynamicNtkRule>(h.rule) ? "max_position_embeddings"
                                                            : "original_max_position_embeddings";
    case Knob::kFastTurns:
      return yarn ? "beta_fast" : "high_freq_factor";
    case Knob::kSlowTurns:
      return yarn ? "beta_slow" : "low_freq_factor";
    case Knob::kLength:
      return "length";
  }
  throw std::invalid_argument("KnobName: not a knob");
}

Precision PrecisionOf(FrequencyArithmetic arithmetic) {
  switch (arithmetic) {
    case FrequencyArithmetic::kFloat32:
      return Precision::kF32;
    case FrequencyArithmetic::kTF32:
      return Precision::kTF32;
    case FrequencyArithmetic::kF16:
      return Precision::kF16;
    case FrequencyArithmetic::kBF16:
      return Precision::kBF16;
    default:
      return Precision::kDouble;
  }
}

std::vector<double> FrequenciesOf(const Hypothesis& h, int rotary_dim, bool rounded) {
  std::vector<double> frequency = h.list;
  if (frequency.empty()) {
    double theta = PlainTheta(h, rotary_dim);
    const bool running = h.arithmetic == FrequencyArithmetic::kRunningProduct && rotary_dim > 0;
    const float ratio = running ? RatioOf(theta, rotary_dim, h.ulps) : 1;
    if (running) theta = std::pow(static_cast<double>(ratio), -rotary_dim / 2.0);
    try {
      frequency = MakeSpectrum(rotary_dim, theta, h.rule, h.length).frequency;
    } catch (const std::invalid_argument&) {
      return {};  // of numbers that a fit tried
    }
    if (running && h.rounds_products) RoundProducts(ratio, frequency);
  }
  for (double& w : frequency) {
    w *= h.scale;
    if (rounded) w = RoundedTo(PrecisionOf(h.arithmetic), w);
  }
  return frequency;
}

}  // namespace rotary
