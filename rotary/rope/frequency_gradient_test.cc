// Properties: the gradient by frequencies is the slope of a loss of the double twin's rotation (by
// finite differences), for several axes, frequencies by head and for all heads, a second frequency,
// attention factor and xPos on either side, in every dtype, with strides, batch rows at positions
// of their own and shared ones; its bits do not depend on the number of threads; a step against it
// makes a loss smaller; bad input has its sentence.
#include "rotary/rope/frequency_gradient.h"

#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"
#include "rotary/rope/axes.h"
#include "rotary/rope/image_rotations.h"
#include "rotary/rope/table_form.h"

namespace rotary {
namespace {

constexpr double kCentre = 2.5;

// x and d_y of [batch, tokens, heads, head_dim], apart in memory by gaps.
struct Example {
  Rotation rotation;
  Side side = Side::kQuery;
  DType dtype = DType::kF64;
  int64_t batch = 2, tokens = 3, heads = 2;
  bool shared_positions = false;
  double far = 0;  // added to positions

  Dims shape() const { return {batch, tokens, heads, rotation.head_dim}; }
  Dims strides() const {
    const int64_t head = rotation.head_dim + 1, token = head * heads + 3;
    return {tokens * token + 2, token, head, 1};
  }
  size_t At(int64_t b, int64_t t, int64_t h) const {
    const Dims s = strides();
    return static_cast<size_t>(b * s[0] + t * s[1] + h * s[2]);
  }
  // Small binary fractions, exact in every dtype.
  Numbers Values(uint64_t stream) const {
    Numbers x = NormalNumbers(static_cast<int>(batch * strides()[0]), stream);
    for (double& value : x) value = std::round(value * 16) / 16;
    return x;
  }
  int64_t PositionRows() const { return shared_positions ? 1 : batch; }
  Numbers Positions() const {
    Numbers p = NormalNumbers(static_cast<int>(PositionRows() * tokens * rotation.axes), 3);
    for (double& value : p) value = 5 * value + far;
    return p;
  }
};

template <class T>
FrequencyGradient GradientAs(const Example& e, int threads) {
  const auto converted = [&](uint64_t stream) {
    std::vector<T> to;
    for (const double value : e.Values(stream)) {
      to.push_back(FromFloat<T>(static_cast<float>(value)));
    }
    return to;
  };
  const std::vector<T> x = converted(1), d_y = converted(2);
  const Numbers p = e.Positions();
  return RotateFrequencyGradient(
      PhaseTable(e.rotation),
      {p.data(), DType::kF64, {e.PositionRows(), e.tokens, e.rotation.axes}},
      {x.data(), e.dtype, e.shape(), e.strides()}, {d_y.data(), e.dtype, e.shape(), e.strides()},
      {.threads = threads, .centre = kCentre}, e.side);
}

FrequencyGradient Gradient(const Example& e, int threads = 2) {
  return DispatchFloat(e.dtype, "test", [&]<class T>() { return GradientAs<T>(e, threads); });
}

// sum d_y y, by the twin.
double Loss(const Example& e, const Rotation& rotation) {
  const Numbers x = e.Values(1), d_y = e.Values(2), p = e.Positions();
  double loss = 0;
  for (int64_t b = 0; b < e.batch; ++b) {
    for (int64_t t = 0; t < e.tokens; ++t) {
      const int64_t row = (e.shared_positions ? 0 : b) * e.tokens + t;
      const std::span<const double> position(p.data() + row * rotation.axes,
                                             static_cast<size_t>(rotation.axes));
      for (int64_t h = 0; h < e.heads; ++h) {
        const auto begin = x.begin() + static_cast<std::ptrdiff_t>(e.At(b, t, h));
        const Numbers y =
            ref::Rotate(rotation, Direction::kForward, e.side, kCentre, static_cast<int>(h),
                        position, Numbers(begin, begin + rotation.head_dim));
        for (size_t c = 0; c < y.size(); ++c) loss += d_y[e.At(b, t, h) + c] * y[c];
      }
    }
  }
  return loss;
}

// The gradient of one list against differences of fourth order, whose error is that of (step p)^4.
void ExpectSlopes(const Example& e, std::vector<double> Rotation::*list, const Numbers& gradient) {
  ASSERT_EQ(gradient.size(), (e.rotation.*list).size());
  const double step = 1e-4 / (1 + e.far);
  for (size_t i = 0; i < gradient.size(); ++i) {
    const auto difference = [&](double h) {
      Rotation more = e.rotation, less = e.rotation;
      (more.*list)[i] += h;
      (less.*list)[i] -= h;
      return (Loss(e, more) - Loss(e, less)) / ((more.*list)[i] - (less.*list)[i]);
    };
    const double slope = (4 * difference(step) - difference(2 * step)) / 3;
    EXPECT_TRUE(std::abs(gradient[i] - slope) <= 1e-8 * (1 + e.far))
        << "frequency " << i << ": " << gradient[i] << ", not " << slope;
  }
}

void ExpectSlopes(const Example& e) {
  const FrequencyGradient gradient = Gradient(e);
  ExpectSlopes(e, &Rotation::frequency, gradient.frequency);
  ExpectSlopes(e, &Rotation::second_frequency, gradient.second_frequency);
}

TEST(FrequencyGradientTest, IsTheSlopeForEveryKindOfRotation) {
  const Rotation mixed = LearnedRotation(8, 2, 2, MixedFrequencies(8, Numbers{0.4, 2}));
  Rotation partial = MakeRotation({.head_dim = 9, .rotary_dim = 6, .offset = 2});
  partial.attention_factor = 1.5;
  Rotation apart = MakeRotation({.head_dim = 6, .layout = Layout::kInterleaved});
  apart.second_frequency = {0.5, 0.25, 2};
  const Rotation decaying = WithXpos(MakeRotation({.head_dim = 6}), 16);
  for (const Rotation& rotation : {mixed, partial, apart, decaying}) {
    ExpectSlopes({.rotation = rotation});
    ExpectSlopes({.rotation = rotation, .side = Side::kKey, .shared_positions = true});
  }
  ExpectSlopes({.rotation = partial, .batch = 1, .tokens = 40, .heads = 5});  // two blocks
  ExpectSlopes({.rotation = mixed, .far = 100'003});
}

TEST(FrequencyGradientTest, EveryDtypeGivesTheSame) {
  const Rotation rotation = MakeRotation({.head_dim = 6});
  const FrequencyGradient expected = Gradient({.rotation = rotation});
  for (const DType dtype : {DType::kF32, DType::kBF16, DType::kF16}) {
    EXPECT_EQ(Gradient({.rotation = rotation, .dtype = dtype}).frequency, expected.frequency);
  }
}

TEST(FrequencyGradientTest, TheSameBitsForAnyThreads) {
  const Example e{.rotation = LearnedRotation(8, 3, 2, MixedFrequencies(8, Numbers{0.4, 2, 5})),
                  .batch = 3,
                  .tokens = 1000,
                  .heads = 3};
  const FrequencyGradient expected = Gradient(e, 1);
  for (const int threads : {2, 3, 7}) EXPECT_EQ(Gradient(e, threads).frequency, expected.frequency);
}

TEST(FrequencyGradientTest, EmptyAndUnturned) {
  const Rotation rotation = MakeRotation({.head_dim = 6});
  EXPECT_EQ(Gradient({.rotation = rotation, .tokens = 0}).frequency, (Numbers{0, 0, 0}));
  EXPECT_EQ(Gradient({.rotation = rotation, .batch = 0}).frequency, (Numbers{0, 0, 0}));
  Rotation none;
  none.head_dim = 4;
  EXPECT_TRUE(Gradient({.rotation = none}).frequency.empty());
  EXPECT_TRUE(Gradient({.rotation = rotation}).second_frequency.empty());
}

TEST(FrequencyGradientTest, DescentFindsTheFrequency) {
  // Learns the frequency that turned the target from one that is a little off.
  const std::vector<int64_t> p = {0, 1, 2, 3, 4, 5};
  const ConstTensorView positions(p.data(), DType::kI64, {6});
  const Rotation target_rotation = LearnedRotation(2, 1, 1, {0.7});
  Rotation learned = LearnedRotation(2, 1, 1, {0.6});
  Tensor x(DType::kF64, {6, 1, 2}), y = x.Clone(), target = x.Clone();
  for (size_t i = 0; i < 12; i += 2) x.span<double>()[i] = 1;
  Rotate(PhaseTable(target_rotation), positions, x.const_view(), target.view());
  for (int step = 0; step < 100; ++step) {
    const PhaseTable table(learned);
    Rotate(table, positions, x.const_view(), y.view());
    for (size_t i = 0; i < 12; ++i) y.span<double>()[i] -= target.span<double>()[i];
    const auto gradient = RotateFrequencyGradient(table, positions, x.const_view(), y.const_view());
    learned.frequency[0] -= 0.01 * gradient.frequency[0];
  }
  EXPECT_TRUE(std::abs(learned.frequency[0] - 0.7) < 1e-9) << learned.frequency[0];
}

TEST(FrequencyGradientTest, BadInputIsRefused) {
  Tensor x(DType::kF32, {2, 3, 4}), other(DType::kF32, {2, 3, 6}), doubles(DType::kF64, {2, 3, 4});
  Tensor flat(DType::kF32, {2, 3}), whole(DType::kI64, {2, 3, 4});
  Tensor p(DType::kI64, {2}), wrong(DType::kI64, {3}), rows(DType::kI64, {2, 2});
  const auto error = [](const Rotation& rotation, const Tensor& positions, const Tensor& a,
                        const Tensor& b, const RotateOptions& options = {}) {
    return Thrown<std::invalid_argument>([&] {
      RotateFrequencyGradient(PhaseTable(rotation), positions.view(), a.view(), b.view(), options);
    });
  };
  const Rotation rotation = MakeRotation({.head_dim = 4});
  EXPECT_EQ(error(rotation, p, x, x), "nothing was thrown");
  EXPECT_EQ(error(rotation, p, x, x, {.direction = Direction::kGradient}),
            "frequency gradient: the direction must be kForward");
  EXPECT_EQ(error(rotation, p, x, doubles),
            "frequency gradient: x is f32 [1, 2, 3, 4], d_y f64 [1, 2, 3, 4]");
  EXPECT_EQ(error(rotation, p, other, other),
            "frequency gradient: the rotation is for head_dim 4, the tensor has 6");
  EXPECT_EQ(error(rotation, p, flat, flat),
            "frequency gradient: a tensor must be [tokens, heads, head_dim] or [batch, tokens, "
            "heads, head_dim], got [2, 3]");
  EXPECT_EQ(error(rotation, p, whole, whole),
            "frequency gradient: dtype must be f64, f32, bf16 or f16, got i64");
  EXPECT_EQ(error(rotation, wrong, x, x), "frequency gradient: 3 positions for 2 tokens");
  EXPECT_EQ(error(rotation, rows, x, x),
            "frequency gradient: 2 rows of positions for a batch of 1");
  EXPECT_EQ(error(LearnedRotation(4, 2, 1, {1, 2, 3, 4}), p, x, x),
            "frequency gradient: the rotation has 2 heads, the tensor 3");
  EXPECT_EQ(error(LearnedRotation(4, 1, 2, {1, 2, 3, 4}), p, x, x),
            "frequency gradient: the rotation takes 2 numbers per position, positions have 1");
}

}  // namespace
}  // namespace rotary
