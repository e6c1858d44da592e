#include "rotary/doctor/theta_of_angles.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "rotary/base/error.h"
#include "rotary/doctor/evidence.h"

namespace rotary {
namespace {

constexpr double kTurn = 2 * std::numbers::pi;
constexpr double kLeastTheta = 2, kMostTheta = 1e9;

// Of ln(theta).
struct Interval {
  double low, high;
};

// One pair: angle = position theta^-exponent up to whole turns.
struct KnownAngle {
  double exponent = 0, angle = 0, deviation = 0;
};

class Search {
 public:
  Search(std::vector<KnownAngle> known, double position)
      : known_(std::move(known)), position_(position) {}

  // All intervals that every pair allows, ascending.
  std::vector<Interval> Left() const {
    std::vector<Interval> left = {{std::log(kLeastTheta), std::log(kMostTheta)}};
    for (auto pair = known_.rbegin(); pair != known_.rend(); ++pair) {
      std::vector<Interval> finer;
      for (const Interval& interval : left) Cut(*pair, interval, finer);
      left = std::move(finer);
    }
    return left;
  }

  double Chi2(double log_theta) const {
    double chi2 = 0;
    for (const KnownAngle& pair : known_) {
      const double off = Off(pair, log_theta) / pair.deviation;
      chi2 += off * off;
    }
    return chi2;
  }

  // The best point near `log_theta` by Newton's steps on the sum of squares, and its deviation.
  double Best(double log_theta, const Interval& within, double& deviation) const {
    double curvature = 0;
    for (int step = 0; step < 20; ++step) {
      double slope = 0;
      curvature = 0;
      for (const KnownAngle& pair : known_) {
        const double moves = -pair.exponent * Expected(pair, log_theta) / pair.deviation;
        slope += moves * Off(pair, log_theta) / pair.deviation;
        curvature += moves * moves;
      }
      if (!(curvature > 0)) break;
      const double next = std::clamp(log_theta + slope / curvature, within.low, within.high);
      const bool still = std::abs(next - log_theta) <= 1e-15 * std::abs(next);
      log_theta = next;
      if (still) break;
    }
    deviation = curvature > 0 ? 1 / std::sqrt(curvature) : std::numeric_limits<double>::infinity();
    return log_theta;
  }

 private:
  double Expected(const KnownAngle& pair, double log_theta) const {
    return position_ * std::exp(-pair.exponent * log_theta);
  }
  double Off(const KnownAngle& pair, double log_theta) const {
    return std::remainder(pair.angle - Expected(pair, log_theta), kTurn);
  }

  // The parts of the interval in which the pair's angle is right for some number of turns.
  void Cut(const KnownAngle& pair, const Interval& interval, std::vector<Interval>& parts) const {
    const double reach = kApart * pair.deviation;
    if (reach >= kTurn / 2) {
      parts.push_back(interval);
      return;
    }
    // Angles grow as theta falls.
    const double most = Expected(pair, interval.low), least = Expected(pair, interval.high);
    const double first = std::ceil((least - reach - pair.angle) / kTurn);
    const auto log_theta = [&](double angle) {
      return angle > 0 ? -std::log(angle / position_) / pair.exponent
                       : std::numeric_limits<double>::infinity();
    };
    const size_t start = parts.size();
    for (double turns = first; pair.angle + kTurn * turns - reach <= most; ++turns) {
      const double angle = pair.angle + kTurn * turns;
      const Interval part = {std::max(interval.low, log_theta(angle + reach)),
                             std::min(interval.high, log_theta(angle - reach))};
      if (part.low <= part.high) parts.push_back(part);
    }
    std::reverse(parts.begin() + static_cast<ptrdiff_t>(start), parts.end());
  }

  std::vector<KnownAngle> known_;  // in the order of pairs: the fastest first
  double position_;
};

}  // namespace

AngleTheta ThetaOfAngles(int rotary_dim, const std::vector<double>& angle,
                         const std::vector<double>& deviation, double position) {
  const auto pairs = static_cast<size_t>(std::max(rotary_dim, 0) / 2);
  Require(angle.size() == pairs && deviation.size() == pairs, "theta of angles: expected ", pairs,
          " angles and deviations, got ", angle.size(), " and ", deviation.size());
  Require(std::abs(position) <= 1e7, "theta of angles: the position must be within 1e7, got ",
          position);
  std::vector<KnownAngle> known;
  for (size_t j = 0; j < pairs; ++j) {
    Require(deviation[j] >= 0, "theta of angles: the deviation of pair ", j,
            " must not be negative, got ", deviation[j]);
    if (!std::isfinite(deviation[j])) continue;
    Require(std::isfinite(angle[j]), "theta of angles: the angle of pair ", j,
            " must be finite, got ", angle[j]);
    if (j == 0) continue;
    const double exponent = 2.0 * static_cast<double>(j) / rotary_dim;
    // A double keeps no more of the product than this.
    const double least = 1e-15 * std::max(1.0, std::abs(position));
    // Backward turns are forward turns of the opposite angle.
    known.push_back({exponent, position < 0 ? -angle[j] : angle[j], std::max(deviation[j], least)});
  }
  AngleTheta found{.deviation = std::numeric_limits<double>::infinity(),
                   .pairs = static_cast<int>(known.size())};
  if (known.empty() || position == 0) return found;

  struct Candidate {
    double log_theta, deviation, chi2;
  };
  const Search search(known, std::abs(position));
  std::vector<Candidate> candidates;
  bool wide = false;
  for (const Interval& interval : search.Left()) {
    Candidate candidate{};
    candidate.log_theta =
        search.Best((interval.low + interval.high) / 2, interval, candidate.deviation);
    candidate.chi2 = search.Chi2(candidate.log_theta);
    wide = wide || interval.high - interval.low > std::log(2.0);
    candidates.push_back(candidate);
  }
  if (candidates.empty()) {
    found.answer = AngleTheta::Answer::kNone;
    return found;
  }
  std::sort(candidates.begin(), candidates.end(),
            [](const Candidate& a, const Candidate& b) { return a.chi2 < b.chi2; });
  const Candidate& best = candidates[0];
  // Others are told apart from the best as stories are.
  for (const Candidate& candidate : candidates) {
    if (candidate.chi2 > best.chi2 + kApart * kApart || found.candidates.size() == 16) break;
    found.candidates.push_back(std::exp(candidate.log_theta));
  }
  found.theta = found.candidates[0];
  found.deviation = found.theta * best.deviation;
  found.chi2 = best.chi2;
  const bool one = found.candidates.size() == 1 && !wide;
  found.answer = one ? AngleTheta::Answer::kFound : AngleTheta::Answer::kAmbiguous;
  return found;
}

}  // namespace rotary
