#include "rotary/doctor/regression.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "rotary/base/error.h"
#include "rotary/doctor/pairing.h"

namespace rotary {
namespace {

// Inputs of an output of which one is its larger part: those that explain most of it alone. The
// other, which may be small beside it, is any.
constexpr size_t kMostInputs = 4;

// Products of two lists of channels at one token, summed over heads: [i][j].
class Products {
 public:
  Products(const Samples& samples, const double* left, const double* right)
      : size_(static_cast<size_t>(samples.head_dim)), sums_(size_ * size_) {
    for (int64_t h = 0; h < samples.heads; ++h) {
      for (size_t i = 0; i < size_; ++i) {
        for (size_t j = 0; j < size_; ++j) sums_[i * size_ + j] += left[i] * right[j];
      }
      left += size_;
      right += size_;
    }
  }
  double operator()(int i, int j) const {
    return sums_[static_cast<size_t>(i) * size_ + static_cast<size_t>(j)];
  }

 private:
  size_t size_;
  std::vector<double> sums_;
};

struct TokenSums {
  Products xx, xy;
  std::vector<double> yy;
};

TokenSums SumsOf(const Samples& samples, int64_t t) {
  const double* x = samples.Before(t);
  const double* y = samples.After(t);
  TokenSums sums{{samples, x, x}, {samples, x, y}, {}};
  sums.yy.resize(static_cast<size_t>(samples.head_dim));
  for (int64_t h = 0; h < samples.heads; ++h) {
    for (int i = 0; i < samples.head_dim; ++i) {
      const double value = y[h * samples.head_dim + i];
      sums.yy[static_cast<size_t>(i)] += value * value;
    }
  }
  return sums;
}

struct Coefficients {
  double a = 0, b = 0, rest = 0;
};

Coefficients Solve(const TokenSums& sums, int output, int i, int j) {
  const double ii = sums.xx(i, i), ij = sums.xx(i, j), jj = sums.xx(j, j);
  const double iy = sums.xy(i, output), jy = sums.xy(j, output);
  const double yy = sums.yy[static_cast<size_t>(output)];
  const double determinant = ii * jj - ij * ij;
  if (!(determinant > 1e-12 * ii * jj)) return {0, 0, yy};
  Coefficients c{(iy * jj - jy * ij) / determinant, (jy * ii - iy * ij) / determinant, 0};
  c.rest = std::max(0.0, yy - c.a * iy - c.b * jy);
  return c;
}

}  // namespace

std::vector<OutputSources> SourcesOf(const Samples& samples) {
  Require(samples.heads >= 3, "doctor: sources need three heads at least, got ", samples.heads);
  std::vector<TokenSums> tokens;
  for (int64_t t = 0; t < samples.tokens; ++t) tokens.push_back(SumsOf(samples, t));
  std::vector<OutputSources> outputs(static_cast<size_t>(samples.head_dim));
  std::vector<int> inputs(outputs.size());
  for (int o = 0; o < samples.head_dim; ++o) {
    OutputSources& output = outputs[static_cast<size_t>(o)];
    double energy = 0;
    for (const TokenSums& sums : tokens) energy += sums.yy[static_cast<size_t>(o)];
    if (energy == 0) continue;
    std::vector<double> alone(inputs.size(), 0);
    for (const TokenSums& sums : tokens) {
      for (int i = 0; i < samples.head_dim; ++i) {
        const double own = sums.xx(i, i), product = sums.xy(i, o);
        if (own > 0) alone[static_cast<size_t>(i)] += product * product / own;
      }
    }
    std::iota(inputs.begin(), inputs.end(), 0);
    const size_t most = std::min(kMostInputs, inputs.size());
    std::partial_sort(inputs.begin(), inputs.begin() + static_cast<std::ptrdiff_t>(most),
                      inputs.end(), [&](int a, int b) {
                        return alone[static_cast<size_t>(a)] > alone[static_cast<size_t>(b)];
                      });
    for (size_t m = 0; m < most; ++m) {
      for (size_t n = m + 1; n < inputs.size(); ++n) {
        double rest = 0;
        for (const TokenSums& sums : tokens) rest += Solve(sums, o, inputs[m], inputs[n]).rest;
        rest /= energy;
        if (rest < output.rest) {
          output.runner_up = output.rest;
          output.rest = rest;
          std::tie(output.first, output.second) = std::minmax(inputs[m], inputs[n]);
        } else {
          output.runner_up = std::min(output.runner_up, rest);
        }
      }
    }
    if (output.first < 0) continue;
    for (const TokenSums& sums : tokens) {
      const Coefficients c = Solve(sums, o, output.first, output.second);
      output.a.push_back(c.a);
      output.b.push_back(c.b);
    }
  }
  return outputs;
}

std::vector<int> PlacesOf(const Samples& samples, const std::vector<OutputSources>& sources) {
  const double rounding = 16 * samples.unit * samples.unit + 1e-13;
  std::map<std::pair<int, int>, std::vector<int>> pairs;  // of inputs: the outputs
  std::vector<int> places(sources.size(), -1);
  std::vector<char> taken(sources.size(), 0);
  for (size_t o = 0; o < sources.size(); ++o) {
    const OutputSources& source = sources[o];
    // Where another input serves as well, the output is a copy, or of a pair that hardly turned.
    if (source.first < 0 || source.rest > std::max(rounding, kMostNoise)) continue;
    if (source.runner_up > 4 * source.rest + rounding) {
      pairs[{source.first, source.second}].push_back(static_cast<int>(o));
    }
  }
  const auto place = [&](int input, int output) {
    places[static_cast<size_t>(input)] = output;
    taken[static_cast<size_t>(output)] = 1;
  };
  for (const auto& [inputs, outputs] : pairs) {
    if (outputs.size() != 2) return {};
    // In their order the two are a rotation, exchanged a reflection: the sign of the determinant.
    const OutputSources& one = sources[static_cast<size_t>(outputs[0])];
    const OutputSources& two = sources[static_cast<size_t>(outputs[1])];
    double determinant = 0;
    for (size_t t = 0; t < one.a.size(); ++t) {
      determinant += one.a[t] * two.b[t] - one.b[t] * two.a[t];
    }
    const bool is_first = determinant > 0;
    place(inputs.first, outputs[is_first ? 0 : 1]);
    place(inputs.second, outputs[is_first ? 1 : 0]);
  }
  // Copies: each remaining output is one input.
  for (size_t o = 0; o < sources.size(); ++o) {
    if (taken[o]) continue;
    for (size_t i = 0; i < places.size(); ++i) {
      if (places[i] >= 0) continue;
      bool same = true;
      for (size_t n = 0; n < samples.before.size() && same; n += sources.size()) {
        const double x = samples.before[n + i], y = samples.after[n + o];
        same = std::abs(y - x) <= 8 * samples.unit * std::abs(x) * 4;
      }
      if (!same) continue;
      place(static_cast<int>(i), static_cast<int>(o));
      break;
    }
    if (!taken[o]) return {};
  }
  for (size_t i = 0; i < places.size(); ++i) {
    if (places[i] != static_cast<int>(i)) return places;
  }
  return {};
}

Samples PutBack(Samples samples, const std::vector<int>& places) {
  std::vector<double> head(places.size());
  for (size_t n = 0; n < samples.after.size(); n += places.size()) {
    for (size_t c = 0; c < places.size(); ++c) {
      head[c] = samples.after[n + static_cast<size_t>(places[c])];
    }
    std::copy(head.begin(), head.end(), samples.after.begin() + static_cast<std::ptrdiff_t>(n));
  }
  return samples;
}

}  // namespace rotary
