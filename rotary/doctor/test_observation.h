// Observations for tests: random queries, rotated by the slow twin of the library.
#ifndef ROTARY_DOCTOR_TEST_OBSERVATION_H_
#define ROTARY_DOCTOR_TEST_OBSERVATION_H_

#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "rotary/base/dtype.h"
#include "rotary/base/random.h"
#include "rotary/base/tensor.h"
#include "rotary/doctor/samples.h"
#include "rotary/rope/rotate_ref.h"

namespace rotary {

struct ObservationShape {
  int64_t rows = 1, tokens = 64, heads = 4;
  DType dtype = DType::kF32;
  uint64_t seed = 1;
};

// Owns the tensors of an observation.
class TestObservation {
 public:
  // positions: [rows, tokens, axes]
  TestObservation(const Rotation& rotation, const ObservationShape& shape,
                  std::vector<double> positions)
      : before_(shape.dtype, {shape.rows, shape.tokens, shape.heads, rotation.head_dim}),
        after_(shape.dtype, before_.shape()) {
    const Random random(shape.seed, 0);
    const auto dim = static_cast<size_t>(rotation.head_dim);
    const auto axes = static_cast<size_t>(rotation.axes);
    DispatchFloat(shape.dtype, "test", [&]<class T>() {
      const auto x = before_.span<T>(), y = after_.span<T>();
      for (size_t i = 0; i < x.size(); i += dim) {
        std::vector<double> head(dim);
        for (size_t c = 0; c < dim; ++c) {
          // Box and Muller: normal numbers.
          const double u = 1 - random.Uniform(2 * (i + c)), v = random.Uniform(2 * (i + c) + 1);
          x[i + c] = FromDouble<T>(std::sqrt(-2 * std::log(u)) *
                                   std::cos(2 * std::numbers::pi * static_cast<double>(v)));
          head[c] = ToDouble(x[i + c]);
        }
        const size_t token = i / dim / static_cast<size_t>(shape.heads);
        const auto h = static_cast<int>(i / dim % static_cast<size_t>(shape.heads));
        const std::span<const double> position(&positions[token * axes], axes);
        const std::vector<double> turned =
            ref::Rotate(rotation, Direction::kForward, Side::kQuery, 0, h, position, head);
        for (size_t c = 0; c < dim; ++c) y[i + c] = FromDouble<T>(turned[c]);
      }
    });
    observation_ = {before_.view(), after_.view(), std::move(positions), rotation.axes};
  }

  Observation& observation() { return observation_; }
  // What came out, to be spoiled.
  Tensor& after() { return after_; }

 private:
  template <class T>
  static T FromDouble(double value) {
    if constexpr (std::is_same_v<T, double>) {
      return value;
    } else {
      return FromFloat<T>(static_cast<float>(value));
    }
  }
  template <class T>
  static double ToDouble(T value) {
    if constexpr (std::is_same_v<T, double>) {
      return value;
    } else {
      return ToFloat(value);
    }
  }

  Tensor before_, after_;
  Observation observation_;
};

// [rows, tokens]: from `first` on, each row `shift` further.
inline std::vector<double> CountedFrom(double first, const ObservationShape& shape,
                                       double shift = 0) {
  std::vector<double> positions;
  for (int64_t row = 0; row < shape.rows; ++row) {
    for (int64_t t = 0; t < shape.tokens; ++t) {
      positions.push_back(first + shift * static_cast<double>(row) + static_cast<double>(t));
    }
  }
  return positions;
}

}  // namespace rotary

#endif  // ROTARY_DOCTOR_TEST_OBSERVATION_H_
