#include "rotary/doctor/evidence.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "rotary/base/error.h"

namespace rotary {

double Float32Deviation(double frequency) {
  const double size = std::abs(frequency);
  return size == 0 ? 0 : 0x1p-24 * size * (1 + 0.5 * std::abs(std::log(size)));
}

Evidence EvidenceOf(const MeasuredSpectrum& measured) {
  Require(measured.rotary_dim >= 0 && measured.rotary_dim % 2 == 0 &&
              measured.rotary_dim <= measured.head_dim,
          "stories: rotary_dim must be even and at most head_dim (", measured.head_dim, "), got ",
          measured.rotary_dim);
  const auto pairs = static_cast<size_t>(measured.rotary_dim / 2);
  Require(measured.frequency.size() == pairs && measured.deviation.size() == pairs,
          "stories: expected ", pairs, " frequencies and deviations, got ",
          measured.frequency.size(), " and ", measured.deviation.size());
  Evidence evidence{.head_dim = measured.head_dim, .rotary_dim = measured.rotary_dim};
  for (size_t j = 0; j < pairs; ++j) {
    const double w = measured.frequency[j], deviation = measured.deviation[j];
    Require(deviation >= 0, "stories: the deviation of pair ", j, " must not be negative, got ",
            deviation);
    const bool known = std::isfinite(deviation);
    Require(!known || std::isfinite(w), "stories: the frequency of pair ", j,
            " must be finite, got ", w);
    evidence.known += known;
    evidence.frequency.push_back(known ? w : 0);
    // 1e-30: a pair that is known to stand still exactly.
    evidence.deviation.push_back(known ? std::max(std::hypot(deviation, Float32Deviation(w)), 1e-30)
                                       : deviation);
  }
  return evidence;
}

Agreement Judge(const Evidence& evidence, std::span<const double> predicted) {
  constexpr double kNever = std::numeric_limits<double>::infinity();
  if (predicted.size() != evidence.frequency.size()) return {kNever, kNever, evidence.known};
  Agreement agreement{.known = evidence.known};
  for (size_t j = 0; j < predicted.size(); ++j) {
    const double off = (evidence.frequency[j] - predicted[j]) / evidence.deviation[j];
    agreement.chi2 += off * off;
    agreement.worst = std::max(agreement.worst, std::abs(off));
  }
  return agreement;
}

double Distance(const Evidence& evidence, std::span<const double> a, std::span<const double> b) {
  double distance = 0;
  for (size_t j = 0; j < evidence.deviation.size(); ++j) {
    distance = std::max(distance, std::abs(a[j] - b[j]) / evidence.deviation[j]);
  }
  return distance;
}

}  // namespace rotary
