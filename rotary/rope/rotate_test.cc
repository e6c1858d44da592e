// Properties: every dtype, layout, direction, head size and kind of rotation agrees with the double
// twin on every SIMD target that the machine has, in place and out of place, with strided and
// unaligned views, batch rows at their own positions, far, negative and fractional positions, and
// more query heads than key heads; channels outside the pairs are copied; the bits do not depend on
// the number of threads. And what rotations promise, through the kernels: lengths of pairs are
// kept, a score depends on the distance alone (also far out), the inverse undoes, the gradient is
// the transpose.
#include "rotary/rope/rotate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/base/random.h"
#include "rotary/base/simd.h"
#include "rotary/rope/axes.h"
#include "rotary/rope/image_rotations.h"
#include "rotary/rope/rotate_ref.h"

namespace rotary {
namespace {

struct Case {
  Rotation rotation;
  DType dtype = DType::kF32;
  Direction direction = Direction::kForward;
  Side side = Side::kQuery;
  bool fractional = false;
  bool in_place = false;
  int64_t heads = 3;
  int64_t tokens = 6;
};

// Of g |pair|. f32: the bound of rotate.h; 16-bit: half a unit in the last place more; f64: what
// the twin is good for at a million radians.
double Tolerance(DType dtype) {
  switch (dtype) {
    case DType::kF64:
      return 1e-13;
    case DType::kF32:
      return 2e-7;
    case DType::kBF16:
      return 0x1p-8 + 2e-7;
    default:
      return 0x1p-11 + 2e-7;
  }
}

template <class T>
double Value(T x) {
  if constexpr (std::is_same_v<T, double>) {
    return x;
  } else {
    return static_cast<double>(ToFloat(x));
  }
}

// g times the length of the pair that holds channel i, or, with a second frequency, of the longest
// that it can become; for a channel in no pair a number so small that it must be copied.
double PairLength(const Rotation& r, size_t i, const std::vector<double>& from,
                  const std::vector<double>& rotated) {
  for (size_t j = 0; j < r.first.size(); ++j) {
    const auto first = static_cast<size_t>(r.first[j]), second = static_cast<size_t>(r.second[j]);
    if (i != first && i != second) continue;
    return r.IsGroup()
               ? std::hypot(rotated[first], rotated[second])
               : std::sqrt(2.0) * r.attention_factor * std::hypot(from[first], from[second]);
  }
  return 1e-300;
}

constexpr int64_t kPositions[] = {0, 1, 4095, 39001, 131071, 1048575, -1, -70001};

// Largest error over the size of the pair, in units of the tolerance. Rows and heads stand apart,
// and the first element is one element off any alignment.
template <class T>
double ErrorOf(const Case& c, int threads) {
  const Rotation& r = c.rotation;
  constexpr int64_t kBatch = 2;
  const int64_t head_stride = r.head_dim + 3, token_stride = head_stride * c.heads + 5;
  const int64_t size = kBatch * c.tokens * token_stride + 1;
  std::vector<T> x(static_cast<size_t>(size)), y;
  const Random random(1, 2);
  for (size_t i = 0; i < x.size(); ++i) {
    x[i] = FromFloat<T>(static_cast<float>(random.Normal(i)));
  }
  y = x;
  const Dims shape{kBatch, c.tokens, c.heads, r.head_dim};
  const Dims strides{c.tokens * token_stride, token_stride, head_stride, 1};
  std::vector<double> positions;
  for (int64_t i = 0; i < kBatch * c.tokens * r.axes; ++i) {
    const double whole = static_cast<double>(kPositions[(i * 5 + i / c.tokens) % 8]);
    positions.push_back(c.fractional ? whole + 0.37 : whole);
  }
  const ConstTensorView position_view(positions.data(), DType::kF64, {kBatch, c.tokens, r.axes});
  const PhaseTable table(r);
  const TensorView out(y.data() + 1, c.dtype, shape, strides);
  const ConstTensorView in(x.data() + 1, c.dtype, shape, strides);
  Rotate(table, position_view, c.in_place ? ConstTensorView(out) : in, out,
         {.direction = c.direction, .threads = threads}, c.side);
  double worst = 0;
  for (int64_t b = 0; b < kBatch; ++b) {
    for (int64_t t = 0; t < c.tokens; ++t) {
      for (int64_t h = 0; h < c.heads; ++h) {
        const int64_t at = 1 + b * strides[0] + t * strides[1] + h * strides[2];
        std::vector<double> from(static_cast<size_t>(r.head_dim));
        for (size_t i = 0; i < from.size(); ++i) from[i] = Value(x[static_cast<size_t>(at) + i]);
        const std::span<const double> position(positions.data() + (b * c.tokens + t) * r.axes,
                                               static_cast<size_t>(r.axes));
        const auto expected =
            ref::Rotate(r, c.direction, c.side, 0, static_cast<int>(h), position, from);
        for (size_t i = 0; i < from.size(); ++i) {
          const double got = Value(y[static_cast<size_t>(at) + i]);
          const double scale = PairLength(r, i, from, expected);
          const double error = std::abs(got - expected[i]) / (Tolerance(c.dtype) * scale);
          if (!(error <= worst)) worst = std::isnan(error) ? 1e300 : error;
        }
        // What lies between heads and rows stays as it was.
        for (int64_t i = r.head_dim; i < head_stride; ++i) {
          const auto gap = static_cast<size_t>(at + i);
          if (Value(y[gap]) != Value(x[gap])) worst = 1e300;
        }
      }
    }
  }
  return worst;
}

double ErrorOf(const Case& c, int threads = 2) {
  return DispatchFloat(c.dtype, "test", [&]<class T>() { return ErrorOf<T>(c, threads); });
}

std::vector<Rotation> Rotations() {
  std::vector<Rotation> rotations;
  for (const Layout layout : {Layout::kHalf, Layout::kInterleaved}) {
    for (const int head_dim : {2, 6, 64, 80, 96, 128}) {
      rotations.push_back(MakeRotation({.head_dim = head_dim, .layout = layout}));
    }
    rotations.push_back(
        MakeRotation({.head_dim = 80, .rotary_dim = 32, .offset = 16, .layout = layout}));
    rotations.push_back(MakeRotation({.head_dim = 64, .layout = layout}));
    rotations.back().attention_factor = 1.3;
    rotations.push_back(MakeRotation({.head_dim = 64, .layout = layout}));
    rotations.back().second_frequency = rotations.back().frequency;
    std::reverse(rotations.back().second_frequency.begin(),
                 rotations.back().second_frequency.end());
    rotations.push_back(MakeRotation({.head_dim = 6, .layout = layout}));
    rotations.back().log_decay = {-1e-6, 2e-6, 3e-7};
    rotations.push_back(MakeRotation({.head_dim = 6, .layout = layout}));
    rotations.back().heads = 3;
    rotations.back().frequency = {1, 0.1, 0.01, 2, 0.2, 0.02, 3, 0.3, 0.03};
    rotations.push_back(MakeRotation({.head_dim = 6, .layout = layout}));
    rotations.back().axes = 2;
    rotations.back().frequency = {1, 0, 0, 0.1, 0.01, 0.02};
    // From tables, in sections that are whole vectors and in sections that are not.
    for (const std::array<int, 3>& sections : {std::array{16, 24, 24}, std::array{11, 13, 13}}) {
      const int head_dim = 2 * (sections[0] + sections[1] + sections[2]);
      rotations.push_back(OnAxes(MakeRotation({.head_dim = head_dim, .layout = layout}), 3,
                                 ContiguousSections(sections)));
      rotations.push_back(rotations.back());
      rotations.back().second_frequency = rotations.back().frequency;
    }
  }
  rotations.push_back(AxialHalfInBlocks(80, 100));  // a run of 20 pairs for each axis
  Rotation scattered;                               // pairs in no pattern, members swapped
  scattered.head_dim = 10;
  scattered.first = {9, 2, 5};
  scattered.second = {0, 7, 4};
  scattered.frequency = {1, 0.3, 0};
  rotations.push_back(scattered);
  return rotations;
}

TEST(RotateTest, AgreesWithTheTwinOnEveryTarget) {
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scope(target);
    double worst = 0, worst_f32 = 0;
    for (const Rotation& rotation : Rotations()) {
      for (const DType dtype : {DType::kF64, DType::kF32, DType::kBF16, DType::kF16}) {
        for (const Direction direction :
             {Direction::kForward, Direction::kGradient, Direction::kInverse}) {
          if (direction == Direction::kInverse && !rotation.IsGroup()) continue;
          for (const int flags : {0, 1, 2, 3}) {
            const bool in_place = (flags & 1) != 0, fractional = (flags & 2) != 0;
            const Case c{.rotation = rotation,
                         .dtype = dtype,
                         .direction = direction,
                         .side = in_place ? Side::kKey : Side::kQuery,
                         .fractional = fractional,
                         .in_place = in_place};
            const double error = ErrorOf(c);
            worst = std::max(worst, error);
            if (dtype == DType::kF32) worst_f32 = std::max(worst_f32, error);
            EXPECT_LE(error, 1) << SimdTargetName(target) << " " << Name(dtype) << " direction "
                                << static_cast<int>(direction) << " flags " << flags << "\n"
                                << RotationToText(rotation);
          }
        }
      }
    }
    std::printf("%s: worst error %.2g of g |pair| in f32, %.2f of the tolerance in any dtype\n",
                SimdTargetName(target).c_str(), worst_f32 * Tolerance(DType::kF32), worst);
  }
}

// Class and register tokens and padding stand at position 0, or have pairs that stand still.
TEST(RotateTest, TheAngleZeroCopiesToTheBit) {
  const std::vector<int64_t> positions = {0, 100'003, 0};
  const ConstTensorView view(positions.data(), DType::kI64, {3});
  for (const int64_t target : SimdTargets()) {
    const ScopedSimdTarget scope(target);
    for (const Layout layout : {Layout::kHalf, Layout::kInterleaved}) {
      const Rotation turning = MakeRotation({.head_dim = 80, .rotary_dim = 74, .layout = layout});
      Rotation still = turning;
      still.frequency.assign(37, 0);
      for (const DType dtype : {DType::kF64, DType::kF32, DType::kBF16, DType::kF16}) {
        DispatchFloat(dtype, "test", [&]<class T>() {
          Tensor x(dtype, {3, 2, 80});
          for (int64_t i = 0; i < x.count(); ++i) {
            x.data<T>()[i] = FromFloat<T>(static_cast<float>(i % 7 - 3) / 4);
          }
          const auto copies = [&](const Rotation& rotation, int64_t token) {
            Tensor y(dtype, {3, 2, 80});
            Rotate(PhaseTable(rotation), view, x.view(), y.view());
            const auto same = [](T a, T b) { return Value(a) == Value(b); };
            const T* const from = x.data<T>() + token * 160;
            return std::equal(from, from + 160, y.data<T>() + token * 160, same);
          };
          EXPECT_TRUE(copies(turning, 0) && copies(turning, 2)) << Name(dtype);
          EXPECT_FALSE(copies(turning, 1)) << Name(dtype);
          EXPECT_TRUE(copies(still, 1)) << Name(dtype);
        });
      }
    }
  }
}

TEST(RotateTest, AnyNumberOfTokensAndHeads) {
  for (const int64_t tokens : {1, 2, 17}) {
    for (const int64_t heads : {1, 2, 5, 40}) {
      for (const int rotary_dim : {10, 64}) {
        for (const bool in_place : {false, true}) {
          const Case c{
              .rotation = MakeRotation({.head_dim = rotary_dim + 2, .rotary_dim = rotary_dim}),
              .in_place = in_place,
              .heads = heads,
              .tokens = tokens};
          EXPECT_LE(ErrorOf(c), 1) << tokens << " tokens, " << heads << " heads, " << rotary_dim;
        }
      }
    }
  }
}

// [tokens, heads, head_dim] of normal numbers.
Tensor Normal(Dims shape, uint64_t seed) {
  Tensor x(DType::kF32, shape);
  const Random random(4, seed);
  for (size_t i = 0; i < x.span<float>().size(); ++i) {
    x.span<float>()[i] = static_cast<float>(random.Normal(i));
  }
  return x;
}

Tensor Rotated(const PhaseTable& table, std::vector<double> positions, const Tensor& x,
               Direction direction) {
  Tensor y = x.Clone();
  const ConstTensorView view(positions.data(), DType::kF64,
                             {static_cast<int64_t>(positions.size())});
  Rotate(table, view, x.view(), y.view(), {.direction = direction});
  return y;
}

double Dot(const float* a, const float* b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

TEST(RotationPropertiesTest, LengthsOfPairsAreKeptAndTheInverseUndoes) {
  Rotation rotation = MakeRotation({.head_dim = 64});
  const PhaseTable table(rotation);
  const std::vector<double> positions = {0, 1, 131'071, -5, 1e6 + 0.25};
  const Tensor x = Normal({5, 3, 64}, 1);
  const Tensor y = Rotated(table, positions, x, Direction::kForward);
  for (int64_t row = 0; row < 5 * 3; ++row) {
    for (int64_t j = 0; j < 32; ++j) {
      const float *a = x.data<float>() + row * 64 + j, *b = y.data<float>() + row * 64 + j;
      const double before = std::hypot(a[0], a[32]), after = std::hypot(b[0], b[32]);
      EXPECT_NEAR(after / before, 1, 2e-7) << row << " " << j;
    }
  }
  rotation.attention_factor = 1.5;
  rotation.log_decay.assign(32, 1e-7);
  const PhaseTable grown(rotation);
  const Tensor there = Rotated(grown, positions, x, Direction::kForward);
  const Tensor back = Rotated(grown, positions, there, Direction::kInverse);
  for (size_t i = 0; i < x.span<float>().size(); ++i) {
    EXPECT_NEAR(back.span<float>()[i], x.span<float>()[i], 3e-6) << i;
  }
}

TEST(RotationPropertiesTest, AScoreDependsOnTheDistanceAlone) {
  const PhaseTable table(MakeRotation({.head_dim = 128, .layout = Layout::kInterleaved}));
  const Tensor q = Normal({1, 1, 128}, 2), k = Normal({1, 1, 128}, 3);
  const auto score = [&](double m, double n) {
    return Dot(Rotated(table, {m}, q, Direction::kForward).data<float>(),
               Rotated(table, {n}, k, Direction::kForward).data<float>(), 128);
  };
  EXPECT_GT(std::abs(score(1, 0) - score(0, 0)), 0.1);  // it does depend on that
  for (const double distance : {0.0, 1.0, 100.0, 4095.0}) {
    const double near = score(distance, 0);
    for (const double start : {1.0, 100'003.0, 10'000'019.0, -70'001.0, 1.7e9}) {
      EXPECT_NEAR(score(start + distance, start), near, 1e-5) << distance << " from " << start;
    }
  }
}

TEST(RotationPropertiesTest, TheGradientIsTheTranspose) {
  Rotation rotation = MakeRotation({.head_dim = 80, .rotary_dim = 64});
  rotation.attention_factor = 1.3;
  rotation.second_frequency = rotation.frequency;
  std::reverse(rotation.second_frequency.begin(), rotation.second_frequency.end());
  for (const bool is_group : {false, true}) {
    if (is_group) rotation.second_frequency.clear();
    const PhaseTable table(rotation);
    const std::vector<double> positions = {3, 100'003, -17};
    const Tensor x = Normal({3, 2, 80}, 4), d_y = Normal({3, 2, 80}, 5);
    const Tensor y = Rotated(table, positions, x, Direction::kForward);
    const Tensor d_x = Rotated(table, positions, d_y, Direction::kGradient);
    for (int64_t row = 0; row < 3 * 2; ++row) {
      EXPECT_NEAR(Dot(d_y.data<float>() + row * 80, y.data<float>() + row * 80, 80),
                  Dot(d_x.data<float>() + row * 80, x.data<float>() + row * 80, 80), 2e-5)
          << row;
    }
  }
}

TEST(RotateQKTest, MoreQueryHeadsThanKeyHeadsAndAnyThreads) {
  const PhaseTable table(MakeRotation({.head_dim = 64}));
  std::vector<int64_t> positions(100);
  for (size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<int64_t>(i) * 1009;
  const ConstTensorView position_view(positions.data(), DType::kI64, {2, 50});
  const auto filled = [](int64_t heads) {
    return Normal({2, 50, heads, 64}, static_cast<uint64_t>(heads));
  };
  const auto same = [](const Tensor& a, const Tensor& b) {
    return std::equal(a.span<float>().begin(), a.span<float>().end(), b.span<float>().begin());
  };
  Tensor q1 = filled(8), k1 = filled(2), q2 = filled(8), k2 = filled(2);
  RotateQK(table, position_view, q1.view(), k1.view(), {.threads = 1});
  RotateQK(table, position_view, q2.view(), k2.view(), {.threads = 3});
  EXPECT_TRUE(same(q1, q2));
  EXPECT_TRUE(same(k1, k2));
  Tensor q3 = filled(8);
  Rotate(table, position_view, q3.view(), q3.view(), {.threads = 2});
  EXPECT_TRUE(same(q1, q3));
  const Tensor q4 = filled(8);
  Tensor q5(DType::kF32, q4.shape());
  Rotate(table, position_view, q4.view(), q5.view(), {.threads = 2});  // not in place
  EXPECT_TRUE(same(q1, q5));
}

// Ready phases are rounded from doubles, a table's on the way from 32 bits of the low turn: the
// last bit may differ now and then.
TEST(RotateQKTest, ReadyPhasesAgreeWithTheTable) {
  const PhaseTable table(MakeRotation({.head_dim = 64}));
  std::vector<int64_t> positions(50);
  for (size_t i = 0; i < positions.size(); ++i) positions[i] = static_cast<int64_t>(i) * 1009;
  const ConstTensorView position_view(positions.data(), DType::kI64, {50});
  Tensor q1 = Normal({2, 50, 8, 64}, 1), k1 = Normal({2, 50, 2, 64}, 2);
  Tensor q2 = Normal({2, 50, 8, 64}, 1), k2 = Normal({2, 50, 2, 64}, 2);
  const Phases phases(table, position_view);
  RotateQK(table, position_view, q1.view(), k1.view(), {.threads = 1});
  RotateQK(phases, q2.view(), k2.view(), {.threads = 3});
  const auto expect_alike = [](const Tensor& a, const Tensor& b) {
    for (size_t i = 0; i < a.span<float>().size(); ++i) {
      const float x = a.span<float>()[i], y = b.span<float>()[i];
      EXPECT_TRUE(std::abs(x - y) <= 0x1p-22f) << x << " and " << y;  // of numbers below 8
    }
  };
  expect_alike(q1, q2);
  expect_alike(k1, k2);
}

}  // namespace
}  // namespace rotary
