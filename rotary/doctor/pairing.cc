#include "rotary/doctor/pairing.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace rotary {
namespace {

// A square of numbers.
class Matrix {
 public:
  explicit Matrix(int size) : size_(size), values_(static_cast<size_t>(size * size)) {}
  double* operator[](int row) { return values_.data() + row * size_; }
  const double* operator[](int row) const { return values_.data() + row * size_; }
  void Clear() { std::fill(values_.begin(), values_.end(), 0.0); }

 private:
  int size_;
  std::vector<double> values_;
};

// gram = X^T Y over the heads of a token.
void TokenGram(const Samples& samples, int64_t token, Matrix& gram) {
  gram.Clear();
  const double* x = samples.Before(token);
  const double* y = samples.After(token);
  for (int64_t h = 0; h < samples.heads; ++h) {
    for (int i = 0; i < samples.head_dim; ++i) {
      const double value = x[i];
      double* row = gram[i];
      for (int j = 0; j < samples.head_dim; ++j) row[j] += value * y[j];
    }
    x += samples.head_dim;
    y += samples.head_dim;
  }
}

struct Sums {
  explicit Sums(int size)
      : turned(size), before(static_cast<size_t>(size)), after(before), change(before) {}
  Matrix turned;                              // [i][j], i < j: sum_t |C_t(i, j)|
  std::vector<double> before, after, change;  // of each channel: energies of x, y and y - x
};

Sums SumsOf(const Samples& samples) {
  const int size = samples.head_dim;
  Sums sums(size);
  Matrix gram(size);
  for (int64_t t = 0; t < samples.tokens; ++t) {
    TokenGram(samples, t, gram);
    for (int i = 0; i < size; ++i) {
      for (int j = i + 1; j < size; ++j) {
        sums.turned[i][j] += std::hypot(gram[i][i] + gram[j][j], gram[i][j] - gram[j][i]);
      }
    }
  }
  for (size_t k = 0; k < samples.before.size(); ++k) {
    const size_t channel = k % static_cast<size_t>(size);
    const double x = samples.before[k], y = samples.after[k];
    sums.before[channel] += x * x;
    sums.after[channel] += y * y;
    sums.change[channel] += (y - x) * (y - x);
  }
  return sums;
}

}  // namespace

Pairing FindPairs(const Samples& samples) {
  // Sums of squares in double keep this much of the energy.
  constexpr double kDoubleRest = 1e-13;
  const double rounding = 4 * samples.unit * samples.unit + kDoubleRest;
  const int size = samples.head_dim;
  const Sums sums = SumsOf(samples);
  Pairing found;
  std::vector<int> open;
  for (int i = 0; i < size; ++i) {
    const auto c = static_cast<size_t>(i);
    if (sums.before[c] == 0) {
      (sums.after[c] == 0 ? found.silent : found.unexplained).push_back(i);
    } else if (sums.change[c] <= rounding * sums.before[c]) {
      found.still.push_back(i);
    } else {
      open.push_back(i);
    }
  }
  // With a few numbers a factor of its own makes any two channels a pair. Where all pairs have one
  // factor, the energies of all channels that changed tell it.
  double x_energy = 0, y_energy = 0;
  for (const int i : open) {
    x_energy += sums.before[static_cast<size_t>(i)];
    y_energy += sums.after[static_cast<size_t>(i)];
  }
  const double common = std::sqrt(y_energy / x_energy);
  const bool is_short = samples.tokens * samples.heads < 16;
  // The rest of a pair, as a share of its energy.
  const auto rest = [&](int a, int b) {
    const int i = std::min(a, b), j = std::max(a, b);
    const auto ci = static_cast<size_t>(i), cj = static_cast<size_t>(j);
    const double y = sums.after[ci] + sums.after[cj], x = sums.before[ci] + sums.before[cj];
    const double turned = sums.turned[i][j];
    if (y == 0) return std::numeric_limits<double>::infinity();
    const double left =
        is_short ? 1 + common * (common * x - 2 * turned) / y : 1 - turned / y * (turned / x);
    return std::max(0.0, left);
  };
  struct Partner {
    int channel = -1;
    double rest = std::numeric_limits<double>::infinity(), next = rest;
  };
  // Few numbers fit by chance.
  const double most = is_short ? rounding : std::max(rounding, kMostNoise);
  std::vector<Partner> best(static_cast<size_t>(size));
  for (const int i : open) {
    Partner& own = best[static_cast<size_t>(i)];
    for (const int j : open) {
      if (i == j) continue;
      const double r = rest(i, j);
      if (r < own.rest) {
        own = {j, r, own.rest};
      } else {
        own.next = std::min(own.next, r);
      }
    }
  }
  // Two that hardly turned, each with another, are no pair: its turn explains most of their change.
  const auto explains = [&](int i, const Partner& partner) {
    constexpr double kMostLeft = 0.25;
    const auto ci = static_cast<size_t>(i), cj = static_cast<size_t>(partner.channel);
    const double y = sums.after[ci] + sums.after[cj];
    return partner.rest * y <= kMostLeft * (sums.change[ci] + sums.change[cj]) + rounding * y;
  };
  std::vector<int> left;
  double noise = 0;
  for (const int i : open) {
    const Partner& own = best[static_cast<size_t>(i)];
    const bool mutual = own.channel >= 0 && best[static_cast<size_t>(own.channel)].channel == i;
    const double next =
        mutual ? std::min(own.next, best[static_cast<size_t>(own.channel)].next) : own.next;
    // Another partner must leave clearly more, or both are no more than a guess.
    if (mutual && own.rest <= most && next > 4 * own.rest + rounding && explains(i, own)) {
      noise = std::max(noise, own.rest);
      if (i < own.channel) found.pairs.push_back({i, own.channel, own.rest, next});
    } else {
      left.push_back(i);
    }
  }
  // Beside noise, what changed by no more than it is as good as still.
  const double unseen = noise > rounding ? 4 * noise : 0;
  for (const int i : left) {
    const auto c = static_cast<size_t>(i);
    (sums.change[c] <= unseen * sums.before[c] ? found.still : found.unexplained).push_back(i);
  }
  std::sort(found.still.begin(), found.still.end());
  std::sort(found.unexplained.begin(), found.unexplained.end());
  return found;
}

}  // namespace rotary
