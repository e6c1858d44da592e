#include "rotary/rope/overlap.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace rotary {
namespace {

// step * {0 .. count-1}: the offsets along one axis, in bytes.
struct Steps {
  int64_t step;
  int64_t count;
};

// The axes of `view` that move, the largest step first, and the bytes of an element as the last
// one.
std::vector<Steps> AxesOf(const ConstTensorView& view, int64_t sign) {
  const int64_t size = static_cast<int64_t>(SizeOf(view.dtype()));
  std::vector<Steps> axes{{sign, size}};
  for (int axis = 0; axis < view.rank(); ++axis) {
    if (view.shape(axis) > 1) axes.push_back({sign * view.stride(axis) * size, view.shape(axis)});
  }
  return axes;
}

void SortDescending(std::vector<Steps>& axes) {
  std::sort(axes.begin(), axes.end(),
            [](const Steps& a, const Steps& b) { return a.step > b.step; });
}

// Whether offsets of `axes` (descending, positive steps) sum to `target`. Spends `budget` and then
// says yes.
bool CanSumTo(std::span<const Steps> axes, int64_t target, int& budget) {
  if (target < 0) return false;
  if (axes.empty()) return target == 0;
  int64_t rest = 0;  // the most that the smaller axes can add
  for (const Steps& axis : axes.subspan(1)) rest += axis.step * (axis.count - 1);
  const auto [step, count] = axes.front();
  const int64_t begin = target > rest ? (target - rest + step - 1) / step : 0;
  const int64_t end = std::min(count - 1, target / step);
  for (int64_t n = begin; n <= end; ++n) {
    if (--budget < 0 || CanSumTo(axes.subspan(1), target - n * step, budget)) return true;
  }
  return false;
}

struct Extent {
  const std::byte* begin;
  const std::byte* end;
};

Extent ExtentOf(const ConstTensorView& view) {
  const int64_t size = static_cast<int64_t>(SizeOf(view.dtype()));
  Extent extent{static_cast<const std::byte*>(view.data()), nullptr};
  extent.end = extent.begin + size;
  for (int axis = 0; axis < view.rank(); ++axis) {
    const int64_t reach = view.stride(axis) * (view.shape(axis) - 1) * size;
    (reach < 0 ? extent.begin : extent.end) += reach;
  }
  return extent;
}

}  // namespace

bool Overlaps(const ConstTensorView& a, const ConstTensorView& b) {
  if (a.count() == 0 || b.count() == 0) return false;
  const Extent extent_a = ExtentOf(a), extent_b = ExtentOf(b);
  if (extent_a.end <= extent_b.begin || extent_b.end <= extent_a.begin) return false;
  // An offset of b minus an offset of a must be the distance from b's data to a's.
  int64_t target =
      static_cast<const std::byte*>(a.data()) - static_cast<const std::byte*>(b.data());
  std::vector<Steps> axes = AxesOf(b, 1);
  const std::vector<Steps> other = AxesOf(a, -1);
  axes.insert(axes.end(), other.begin(), other.end());
  for (Steps& axis : axes) {
    if (axis.step >= 0) continue;
    target -= axis.step * (axis.count - 1);  // counted from the other end
    axis.step = -axis.step;
  }
  std::erase_if(axes, [](const Steps& axis) { return axis.step == 0; });
  SortDescending(axes);
  // Equal steps act as one: this is what keeps the search short for views of one shape.
  std::vector<Steps> merged;
  for (const Steps& axis : axes) {
    if (!merged.empty() && merged.back().step == axis.step) {
      merged.back().count += axis.count - 1;
    } else {
      merged.push_back(axis);
    }
  }
  int budget = 10'000;
  return CanSumTo(merged, target, budget);
}

bool OverlapsItself(const ConstTensorView& view) {
  if (view.count() == 0 || view.IsPacked()) return false;
  std::vector<Steps> axes = AxesOf(view, 1);
  for (Steps& axis : axes) axis.step = std::abs(axis.step);
  SortDescending(axes);
  int64_t extent = 0;  // of the smaller axes
  for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
    if (axis->step <= extent) return true;
    extent += axis->step * (axis->count - 1);
  }
  return false;
}

}  // namespace rotary
