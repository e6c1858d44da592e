// Properties: views share memory exactly where some byte belongs to both, judged by listing every
// byte, for small views of all strides (negative, zero, interleaved, of different dtypes); a view
// whose elements lie on one another is never taken for one whose do not.
#include "rotary/rope/overlap.h"

#include <algorithm>
#include <set>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/base/random.h"

namespace rotary {
namespace {

// The bytes of every element, in order; one that lies on another comes twice.
std::vector<const std::byte*> BytesOf(const ConstTensorView& view) {
  std::vector<const std::byte*> bytes;
  const auto size = static_cast<int64_t>(SizeOf(view.dtype()));
  for (int64_t i = 0; i < view.count(); ++i) {
    int64_t rest = i, offset = 0;
    for (int axis = view.rank() - 1; axis >= 0; --axis) {
      offset += rest % view.shape(axis) * view.stride(axis);
      rest /= view.shape(axis);
    }
    for (int64_t byte = 0; byte < size; ++byte) {
      bytes.push_back(static_cast<const std::byte*>(view.data()) + offset * size + byte);
    }
  }
  return bytes;
}

bool ReallyOverlap(const ConstTensorView& a, const ConstTensorView& b) {
  const std::vector<const std::byte*> bytes = BytesOf(a);
  const std::set<const std::byte*> of_a(bytes.begin(), bytes.end());
  const std::vector<const std::byte*> of_b = BytesOf(b);
  return std::any_of(of_b.begin(), of_b.end(),
                     [&](const std::byte* byte) { return of_a.count(byte) > 0; });
}

bool ReallyOverlapsItself(const ConstTensorView& view) {
  const std::vector<const std::byte*> bytes = BytesOf(view);
  return std::set<const std::byte*>(bytes.begin(), bytes.end()).size() < bytes.size();
}

class RandomViews {
 public:
  ConstTensorView Next() {
    const DType dtype = Below(2) == 0 ? DType::kF32 : DType::kBF16;
    const auto length = [&] { return Below(4); };
    const auto stride = [&] { return Below(25) - 8; };
    const Dims shape{length(), length() + 1, length() + 1};
    return {memory_.data() + 600 + 4 * Below(40), dtype, shape, {stride(), stride(), stride()}};
  }

 private:
  int64_t Below(int64_t end) {
    return static_cast<int64_t>(random_.Uniform(next_++) * static_cast<double>(end));
  }

  const Random random_{7, 0};
  uint64_t next_ = 0;
  std::vector<std::byte> memory_ = std::vector<std::byte>(2000);
};

TEST(OverlapTest, AgreesWithAListOfEveryByte) {
  RandomViews views;
  int overlapping = 0;
  for (int i = 0; i < 5000; ++i) {
    const ConstTensorView a = views.Next(), b = views.Next();
    const bool really = ReallyOverlap(a, b);
    ASSERT_EQ(Overlaps(a, b), really) << "case " << i;
    ASSERT_EQ(Overlaps(b, a), really) << "case " << i;
    overlapping += really;
  }
  EXPECT_GT(overlapping, 500);
  EXPECT_LT(overlapping, 4500);
}

TEST(OverlapTest, ElementsOnOneAnotherAreSeen) {
  RandomViews views;
  int overlapping = 0;
  for (int i = 0; i < 5000; ++i) {
    const ConstTensorView view = views.Next();
    if (!ReallyOverlapsItself(view)) continue;
    ASSERT_TRUE(OverlapsItself(view)) << "case " << i;
    ++overlapping;
  }
  EXPECT_GT(overlapping, 500);
}

TEST(OverlapTest, SlicesAndTransposesDoNotOverlapThemselves) {
  float x[240] = {};
  EXPECT_FALSE(OverlapsItself({x, DType::kF32, {4, 5, 12}}));
  EXPECT_FALSE(OverlapsItself({x, DType::kF32, {4, 5, 6}, {60, 12, 1}}));
  EXPECT_FALSE(OverlapsItself({x, DType::kF32, {5, 4, 12}, {12, 60, 1}}));
  EXPECT_FALSE(OverlapsItself({x + 239, DType::kF32, {4, 5, 12}, {-60, -12, -1}}));
  EXPECT_FALSE(OverlapsItself({x, DType::kF32, {0, 5, 12}, {0, 0, 0}}));
  EXPECT_TRUE(OverlapsItself({x, DType::kF32, {4, 5, 12}, {0, 12, 1}}));
  EXPECT_TRUE(OverlapsItself({x, DType::kF32, {4, 5, 12}, {60, 11, 1}}));
}

// Queries and keys of one projection: rows of both, one behind the other; of so many tokens that a
// search through every pair of them would be given up.
TEST(OverlapTest, ViewsInterleavedInOneBufferDoNotOverlap) {
  constexpr int64_t kTokens = 16384, kDim = 8;
  std::vector<float> x(kTokens * 40 * kDim);
  const Dims strides{40 * kDim, kDim, 1};
  const ConstTensorView q(x.data(), DType::kF32, {kTokens, 32, kDim}, strides);
  const ConstTensorView k(x.data() + 32 * kDim, DType::kF32, {kTokens, 8, kDim}, strides);
  const ConstTensorView wide(x.data() + 31 * kDim, DType::kF32, {kTokens, 8, kDim}, strides);
  EXPECT_FALSE(Overlaps(q, k));
  EXPECT_TRUE(Overlaps(q, wide));
}

}  // namespace
}  // namespace rotary
