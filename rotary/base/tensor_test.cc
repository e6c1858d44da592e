// Properties: shapes are checked, slices address what they say, and a view of the wrong dtype is
// refused. SIMD targets can be chosen; on ARM the target is NEON.
#include "rotary/base/tensor.h"

#include <limits>

#include "gtest/gtest.h"
#include "rotary/base/simd.h"

namespace rotary {
namespace {

TEST(TensorTest, SlicesAddressTheirElements) {
  Tensor tensor(DType::kF32, {2, 3, 4});
  auto values = tensor.span<float>();
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  const ConstTensorView slice = tensor.const_view().Slice(1, 1, 3).Slice(2, 2, 3);
  EXPECT_EQ(slice.shape(), (Dims{2, 2, 1}));
  EXPECT_FALSE(slice.IsPacked());
  EXPECT_EQ(slice.As<float>()[slice.stride(0) + slice.stride(1)], 12 + 8 + 2);
  EXPECT_THROW(tensor.view().Slice(1, 2, 4), std::out_of_range);
  EXPECT_THROW(tensor.view().As<BF16>(), std::invalid_argument);
}

TEST(TensorTest, EmptyTensorsExist) {
  Tensor tensor(DType::kF16, {0, 8});
  EXPECT_EQ(tensor.count(), 0);
  EXPECT_EQ(tensor.Clone().shape(), (Dims{0, 8}));
}

TEST(TensorTest, BadShapesAreRefused) {
  EXPECT_THROW(Tensor(DType::kF32, {-1}), std::invalid_argument);
  EXPECT_THROW(Tensor(DType::kF32, {int64_t{1} << 40, int64_t{1} << 40}), std::invalid_argument);
  EXPECT_THROW((Dims{1, 2, 3, 4, 5, 6}), std::invalid_argument);
  EXPECT_THROW(TensorView(nullptr, DType::kF32, {2, 2}, {1}), std::invalid_argument);
}

TEST(SimdTest, TargetsCanBeChosen) {
  const auto targets = SimdTargets();
  ASSERT_FALSE(targets.empty());
  for (const int64_t target : targets) {
    const ScopedSimdTarget scope(target);
    EXPECT_EQ(ActiveSimdTarget(), SimdTargetName(target));
  }
  EXPECT_EQ(ActiveSimdTarget(), SimdTargetName(targets.front()));
}

#ifdef __aarch64__
TEST(SimdTest, ArmRunsNeon) { EXPECT_EQ(ActiveSimdTarget(), "NEON"); }
#endif

}  // namespace
}  // namespace rotary
