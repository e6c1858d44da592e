#include "rotary/doctor/samples.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <type_traits>
#include <utility>

#include "rotary/base/dtype.h"
#include "rotary/base/error.h"
#include "rotary/doctor/rounding.h"

namespace rotary {
namespace {

// Of the shortest format that holds all numbers.
double UnitOf(const std::vector<double>& numbers) {
  int digits = 8;
  for (const double x : numbers) {
    if (x == 0) continue;
    while (digits < 53) {
      const double units = std::ldexp(x, digits - 1 - std::ilogb(x));
      if (units == std::nearbyint(units)) break;
      digits = digits == 8 ? 11 : digits == 11 ? 24 : 53;
    }
  }
  return std::ldexp(1.0, -digits);
}

// Row and token of a place in [rows, tokens].
std::string PlaceOf(int64_t index, int64_t tokens, int64_t rows) {
  const std::string token = Sentence("token ", index % tokens);
  return rows == 1 ? token : Sentence("row ", index / tokens, ", ", token);
}

// The numbers of one token, whatever the strides.
void CopyToken(const char* name, ConstTensorView view, int64_t index, double* out) {
  const int64_t tokens = view.shape(1);
  DispatchFloat(view.dtype(), "doctor", [&]<class T>() {
    const T* from =
        view.As<T>() + index / tokens * view.stride(0) + index % tokens * view.stride(1);
    for (int64_t h = 0; h < view.shape(2); ++h) {
      for (int64_t c = 0; c < view.shape(3); ++c) {
        const T value = from[h * view.stride(2) + c * view.stride(3)];
        if constexpr (std::is_same_v<T, double>) {
          *out = value;
        } else {
          *out = ToFloat(value);
        }
        if (!std::isfinite(*out)) {
          Require(false, "doctor: ", name, " has a number that is not finite, at ",
                  PlaceOf(index, tokens, view.shape(0)), ", head ", h, ", channel ", c);
        }
        ++out;
      }
    }
  });
}

// Of all tokens.
std::vector<int64_t> AllPlaces(const Observation& observation) {
  const int64_t count = observation.before.shape(0) * observation.before.shape(1);
  std::vector<int64_t> places(static_cast<size_t>(count));
  std::iota(places.begin(), places.end(), 0);
  return places;
}

// Whether all numbers of a token are zero.
bool IsZero(ConstTensorView view, int64_t index) {
  const int64_t tokens = view.shape(1);
  return DispatchFloat(view.dtype(), "doctor", [&]<class T>() {
    const T* from =
        view.As<T>() + index / tokens * view.stride(0) + index % tokens * view.stride(1);
    for (int64_t h = 0; h < view.shape(2); ++h) {
      for (int64_t c = 0; c < view.shape(3); ++c) {
        const T value = from[h * view.stride(2) + c * view.stride(3)];
        if constexpr (std::is_same_v<T, double>) {
          if (value != 0) return false;
        } else {
          if (ToFloat(value) != 0) return false;
        }
      }
    }
    return true;
  });
}

}  // namespace

void CheckObservation(const Observation& observation) {
  const ConstTensorView& x = observation.before;
  const ConstTensorView& y = observation.after;
  Require(x.rank() == 4 && x.shape() == y.shape(), "doctor: before and after must be two [rows, ",
          "tokens, heads, head_dim] of one shape, got ", x.shape().ToString(), " and ",
          y.shape().ToString());
  Require(x.count() > 0, "doctor: there are no numbers: ", x.shape().ToString());
  const size_t wanted = static_cast<size_t>(x.shape(0) * x.shape(1) * observation.axes);
  Require(observation.positions.empty() || observation.positions.size() == wanted,
          "doctor: positions must be ", wanted, " numbers, one for each token and axis, got ",
          observation.positions.size());
}

Samples TakeTokens(const Observation& observation, const std::vector<int64_t>& places) {
  CheckObservation(observation);
  const ConstTensorView& x = observation.before;
  Samples samples;
  samples.heads = x.shape(2);
  samples.head_dim = static_cast<int>(x.shape(3));
  samples.axes = observation.axes;
  samples.tokens = std::ssize(places);
  const int64_t numbers = samples.heads * samples.head_dim;
  samples.before.resize(static_cast<size_t>(samples.tokens * numbers));
  samples.after.resize(samples.before.size());
  for (int64_t t = 0; t < samples.tokens; ++t) {
    const int64_t i = places[static_cast<size_t>(t)];
    samples.row.push_back(i / x.shape(1));
    samples.token.push_back(i % x.shape(1));
    CopyToken("before", x, i, samples.before.data() + t * numbers);
    CopyToken("after", observation.after, i, samples.after.data() + t * numbers);
    for (int a = 0; a < samples.axes && !observation.positions.empty(); ++a) {
      samples.positions.push_back(observation.positions[static_cast<size_t>(i * samples.axes + a)]);
    }
  }
  return samples;
}

std::vector<int64_t> UnwrittenTokens(const Observation& observation) {
  std::vector<int64_t> places;
  for (const int64_t i : AllPlaces(observation)) {
    if (IsZero(observation.after, i) && !IsZero(observation.before, i)) places.push_back(i);
  }
  return places;
}

Samples TakeSamples(const Observation& observation, int64_t most) {
  CheckObservation(observation);
  const std::vector<int64_t> every = AllPlaces(observation);
  const std::vector<int64_t> unwritten = UnwrittenTokens(observation);
  std::vector<int64_t> written;
  std::set_difference(every.begin(), every.end(), unwritten.begin(), unwritten.end(),
                      std::back_inserter(written));
  if (written.empty()) written = every;
  const int64_t count = std::ssize(written);
  std::vector<int64_t> places = written;
  if (count > most) {
    const int64_t near = most / 2, far = most - near;
    places.resize(static_cast<size_t>(near));
    for (int64_t i = 1; i <= far; ++i) {
      places.push_back(written[static_cast<size_t>(near - 1 + (count - near) * i / far)]);
    }
  }
  Samples samples = TakeTokens(observation, places);
  samples.unit = UnitOf(samples.after);
  return samples;
}

Samples TakeAll(const Observation& observation) {
  CheckObservation(observation);
  Samples samples = TakeTokens(observation, AllPlaces(observation));
  samples.unit = UnitOf(samples.after);
  return samples;
}

bool IsUntouched(const Samples& samples) {
  const int least = LeastExponent(samples.unit);
  for (size_t i = 0; i < samples.before.size(); ++i) {
    const double x = samples.before[i], y = samples.after[i];
    if (x == y) continue;
    const int exponent = x == 0 ? least : std::max(std::ilogb(x), least);
    if (!(std::abs(y - x) <= std::ldexp(samples.unit, exponent))) return false;
  }
  return true;
}

std::vector<double> GivenPositions(const Samples& samples) {
  if (!samples.positions.empty()) return samples.positions;
  std::vector<double> counted;
  for (const int64_t token : samples.token) {
    counted.insert(counted.end(), static_cast<size_t>(samples.axes), static_cast<double>(token));
  }
  return counted;
}

Samples OfHead(const Samples& samples, int64_t head) {
  Samples own = samples;
  own.heads = 1;
  own.before.clear();
  own.after.clear();
  for (int64_t t = 0; t < samples.tokens; ++t) {
    const double* x = samples.Before(t) + head * samples.head_dim;
    const double* y = samples.After(t) + head * samples.head_dim;
    own.before.insert(own.before.end(), x, x + samples.head_dim);
    own.after.insert(own.after.end(), y, y + samples.head_dim);
  }
  return own;
}

Samples OfRow(const Samples& samples, int64_t row) { return OfRows(samples, {row}); }

Samples OfRows(const Samples& samples, const std::set<int64_t>& rows) {
  Samples own = samples;
  own.tokens = 0;
  for (auto* list : {&own.before, &own.after, &own.positions}) list->clear();
  own.row.clear();
  own.token.clear();
  const int64_t numbers = samples.heads * samples.head_dim;
  for (int64_t t = 0; t < samples.tokens; ++t) {
    const auto i = static_cast<size_t>(t);
    if (!rows.contains(samples.row[i])) continue;
    ++own.tokens;
    own.row.push_back(samples.row[i]);
    own.token.push_back(samples.token[i]);
    own.before.insert(own.before.end(), samples.Before(t), samples.Before(t) + numbers);
    own.after.insert(own.after.end(), samples.After(t), samples.After(t) + numbers);
    for (int a = 0; a < samples.axes && !samples.positions.empty(); ++a) {
      own.positions.push_back(
          samples.positions[i * static_cast<size_t>(samples.axes) + static_cast<size_t>(a)]);
    }
  }
  return own;
}

}  // namespace rotary
