// Properties: a pair turns counter-clockwise by position times frequency.
#include "rotary/rope/rotate.h"

#include <cmath>
#include <numbers>

#include "gtest/gtest.h"

namespace rotary {
namespace {

// The worked example: [1, 0, 0, 1] turned by 30 degrees a position in adjacent pairs.
TEST(RotateTest, WorkedExample) {
  Rotation rotation = MakeRotation({.head_dim = 4, .layout = Layout::kInterleaved});
  rotation.frequency = {std::numbers::pi / 6, std::numbers::pi / 6};
  Tensor x(DType::kF32, {3, 1, 4}), positions(DType::kI64, {3});
  for (int64_t t = 0; t < 3; ++t) {
    positions.data<int64_t>()[t] = t;
    x.data<float>()[t * 4] = x.data<float>()[t * 4 + 3] = 1;
  }
  Rotate(PhaseTable(rotation), positions.view(), x.const_view(), x.view());
  const float half = 0.5f, root = std::sqrt(0.75f);
  const std::vector<float> wanted{1, 0, 0, 1, root, half, -half, root, half, root, -root, half};
  for (size_t i = 0; i < wanted.size(); ++i) EXPECT_NEAR(x.span<float>()[i], wanted[i], 1e-7f);
}

}  // namespace
}  // namespace rotary
