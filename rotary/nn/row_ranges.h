// How loops over rows are cut: for threads, and for sums over rows that must not depend on threads.
#ifndef ROTARY_NN_ROW_RANGES_H_
#define ROTARY_NN_ROW_RANGES_H_

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "rotary/base/function_ref.h"
#include "rotary/base/parallel.h"

namespace rotary {

// Calls body(begin, end) on ranges of rows. A range has 16 Ki elements at least: about a
// microsecond of work, as long as waking a thread takes.
inline void ForRows(int64_t rows, int64_t cols, int threads,
                    FunctionRef<void(int64_t begin, int64_t end)> body) {
  ParallelFor(rows, threads, 1 + (int64_t{1} << 14) / std::max<int64_t>(1, cols), body);
}

// Sums over rows, to the same bits for any number of threads: at most 32 fixed ranges of rows fill
// a vector of sums each, and these are added in order.
class RowSums {
 public:
  // Room for sums of `size` elements over `rows` rows.
  RowSums(int64_t rows, int64_t size)
      : rows_(rows),
        size_(size),
        range_(std::max<int64_t>(32, (rows + 31) / 32)),
        partial_(static_cast<size_t>(ranges() * size)) {}

  // Calls body(begin, end, sums) on ranges of rows; it adds to the `size` elements of `sums`.
  void Run(int threads, FunctionRef<void(int64_t begin, int64_t end, float* sums)> body) {
    ParallelTasks(ranges(), threads, [&](int64_t range, int) {
      body(range * range_, std::min(rows_, (range + 1) * range_), partial_.data() + range * size_);
    });
  }

  // out += the sums of elements [offset, offset + out.size()).
  void AddTo(int64_t offset, std::span<float> out) const {
    for (int64_t range = 0; range < ranges(); ++range) {
      const float* sums = partial_.data() + range * size_ + offset;
      for (size_t j = 0; j < out.size(); ++j) out[j] += sums[j];
    }
  }

 private:
  int64_t ranges() const { return (rows_ + range_ - 1) / range_; }

  int64_t rows_, size_, range_;
  std::vector<float> partial_;
};

}  // namespace rotary

#endif  // ROTARY_NN_ROW_RANGES_H_
