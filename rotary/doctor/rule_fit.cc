#include "rotary/doctor/rule_fit.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace rotary {
namespace {

constexpr size_t kMostKnobs = 5;
// Derivatives by differences of this in the logarithm: half the digits of a double.
constexpr double kStep = 1e-7;
constexpr double kInfinite = std::numeric_limits<double>::infinity();

struct NormalEquations {
  std::array<std::array<double, kMostKnobs>, kMostKnobs> matrix{};  // nothing tells a number: 1
  std::array<bool, kMostKnobs> told{};
  std::array<double, kMostKnobs> right{};
};

// Solves by Cholesky, the diagonal raised by the factor 1 + damping. False where the matrix is not
// positive: numbers of which only a combination is told.
bool Solve(const NormalEquations& equations, size_t n, double damping,
           std::array<double, kMostKnobs>& x) {
  auto a = equations.matrix;
  for (size_t i = 0; i < n; ++i) a[i][i] *= 1 + damping;
  for (size_t i = 0; i < n; ++i) {
    const double before = a[i][i];
    for (size_t k = 0; k < i; ++k) a[i][i] -= a[i][k] * a[i][k];
    if (!(a[i][i] > 1e-14 * before)) return false;
    a[i][i] = std::sqrt(a[i][i]);
    for (size_t r = i + 1; r < n; ++r) {
      for (size_t k = 0; k < i; ++k) a[r][i] -= a[r][k] * a[i][k];
      a[r][i] /= a[i][i];
    }
  }
  for (size_t i = 0; i < n; ++i) {
    x[i] = equations.right[i];
    for (size_t k = 0; k < i; ++k) x[i] -= a[i][k] * x[k];
    x[i] /= a[i][i];
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t k = i + 1; k < n; ++k) x[i] -= a[k][i] * x[k];
    x[i] /= a[i][i];
  }
  return true;
}

// Sums over pairs of products of derivatives, and of derivatives with what is left.
NormalEquations Equations(const Evidence& evidence, const Hypothesis& at,
                          const std::vector<Knob>& knobs, const std::vector<double>& predicted) {
  NormalEquations equations;
  std::array<std::vector<double>, kMostKnobs> derivative;
  for (size_t k = 0; k < knobs.size(); ++k) {
    Hypothesis moved = at;
    *Slot(moved, knobs[k]) *= std::exp(kStep);
    derivative[k] = FrequenciesOf(moved, evidence.rotary_dim, false);
    if (derivative[k].empty()) derivative[k] = predicted;  // a border: as if nothing told it
    for (size_t j = 0; j < predicted.size(); ++j) {
      derivative[k][j] = (derivative[k][j] - predicted[j]) / kStep / evidence.deviation[j];
    }
    for (size_t i = 0; i <= k; ++i) {
      for (size_t j = 0; j < predicted.size(); ++j) {
        equations.matrix[k][i] += derivative[k][j] * derivative[i][j];
      }
      equations.matrix[i][k] = equations.matrix[k][i];
    }
    equations.told[k] = equations.matrix[k][k] > 0;
    if (!equations.told[k]) equations.matrix[k][k] = 1;
    for (size_t j = 0; j < predicted.size(); ++j) {
      equations.right[k] +=
          derivative[k][j] * (evidence.frequency[j] - predicted[j]) / evidence.deviation[j];
    }
  }
  return equations;
}

// The deviation of each number with all others free: the diagonal of the inverse.
std::vector<FittedKnob> Deviations(const NormalEquations& equations,
                                   const std::vector<Knob>& knobs) {
  std::vector<FittedKnob> fitted;
  for (size_t k = 0; k < knobs.size(); ++k) {
    NormalEquations unit = equations;
    unit.right = {};
    unit.right[k] = 1;
    std::array<double, kMostKnobs> x{};
    const bool solved = unit.told[k] && Solve(unit, knobs.size(), 0, x) && x[k] > 0;
    fitted.push_back({knobs[k], solved ? std::sqrt(x[k]) : kInfinite});
  }
  return fitted;
}

void Take(const Evidence& evidence, RuleFit& fit) {
  fit.predicted = FrequenciesOf(fit.hypothesis, evidence.rotary_dim);
  fit.agreement = Judge(evidence, fit.predicted);
}

}  // namespace

int RuleFit::FreeKnobs() const {
  return static_cast<int>(
      std::count_if(knobs.begin(), knobs.end(), [](const FittedKnob& k) { return !k.customary; }));
}

RuleFit RuleFitOf(const Evidence& evidence, const Hypothesis& hypothesis,
                  const Hypothesis* config) {
  RuleFit fit{.hypothesis = hypothesis};
  Take(evidence, fit);
  fit.cost = CostOf(fit.hypothesis, fit.knobs, config, evidence.rotary_dim);
  return fit;
}

RuleFit FitKnobs(const Evidence& evidence, const Hypothesis& start, const std::vector<Knob>& knobs,
                 const Hypothesis* config) {
  RuleFit fit{.hypothesis = start};
  Take(evidence, fit);
  double damping = 1e-3;
  NormalEquations equations;
  for (int step = 0; step < 30 && !fit.predicted.empty(); ++step) {
    equations = Equations(evidence, fit.hypothesis, knobs, fit.predicted);
    double gain = -1;
    // Shorter and shorter steps until one leads down.
    for (; damping < 1e8 && gain < 0; damping *= 10) {
      std::array<double, kMostKnobs> move{};
      if (!Solve(equations, knobs.size(), damping, move)) continue;
      RuleFit moved{.hypothesis = fit.hypothesis};
      for (size_t k = 0; k < knobs.size(); ++k) {
        *Slot(moved.hypothesis, knobs[k]) *= std::exp(std::clamp(move[k], -2.0, 2.0));
      }
      Take(evidence, moved);
      gain = fit.agreement.chi2 - moved.agreement.chi2;
      if (!(gain >= 0)) {
        gain = -1;
        continue;
      }
      fit = std::move(moved);
      damping *= 1e-3;
    }
    damping = std::max(damping, 1e-12);
    // At the bottom, or in a valley far too high, where smaller and smaller steps follow.
    const bool hopeless = fit.agreement.chi2 > 1e3 * evidence.known;
    if (gain < 1e-6 || (hopeless && gain < 1e-2 * fit.agreement.chi2)) break;
  }
  if (fit.predicted.empty()) {
    fit.knobs.clear();
    for (const Knob knob : knobs) fit.knobs.push_back({knob, kInfinite});
  } else {
    fit.knobs = Deviations(Equations(evidence, fit.hypothesis, knobs, fit.predicted), knobs);
  }
  fit.cost = CostOf(fit.hypothesis, fit.knobs, config, evidence.rotary_dim);
  return fit;
}

RuleFit FitCustomary(const Evidence& evidence, const Hypothesis& start,
                     const std::vector<Knob>& knobs, const Hypothesis* config) {
  RuleFit best = FitKnobs(evidence, start, knobs, config);
  if (!best.agreement.Explains()) return best;
  for (bool moved = true; moved;) {
    moved = false;
    for (size_t k = 0; k < best.knobs.size() && !moved; ++k) {
      if (best.knobs[k].customary) continue;
      const Knob knob = best.knobs[k].knob;
      const double* own = config != nullptr ? Slot(*config, knob) : nullptr;
      const double value = *Slot(best.hypothesis, knob);
      // Numbers that nothing tells take any customary value.
      const double deviation = std::clamp(best.knobs[k].deviation, 1e-15, 10.0);
      // The nearest by what chi2 will be.
      double least = FittedCost(deviation), chosen = 0;
      for (const double candidate : CustomaryNear(knob, value, kApart * deviation, own)) {
        const double off = std::log(candidate / value) / deviation;
        const double expected = off * off + CustomaryCost(knob, candidate, own);
        if (expected < least) {
          least = expected;
          chosen = candidate;
        }
      }
      if (chosen == 0) continue;
      Hypothesis next = best.hypothesis;
      *Slot(next, knob) = chosen;
      std::vector<Knob> open;
      for (const FittedKnob& other : best.knobs) {
        if (!other.customary && other.knob != knob) open.push_back(other.knob);
      }
      RuleFit fit = FitKnobs(evidence, next, open, config);
      // Keep the order and the deviations of all numbers that were open at first.
      std::vector<FittedKnob> all = best.knobs;
      all[k].customary = true;
      for (FittedKnob& known : all) {
        for (const FittedKnob& again : fit.knobs) {
          if (again.knob == known.knob) known = again;
        }
      }
      fit.knobs = std::move(all);
      fit.cost = CostOf(fit.hypothesis, fit.knobs, config, evidence.rotary_dim);
      if (!(fit.score() < best.score()) || !fit.agreement.Explains()) continue;
      best = std::move(fit);
      moved = true;
    }
  }
  return best;
}

}  // namespace rotary
