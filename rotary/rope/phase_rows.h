// Rows of complex numbers of length 1, in double or 32 bits: what phases are made of.
//
// A row holds one turn e^(i angle) for each column: all cosines, then all sines, each padded to
// whole vectors. The columns are (head, pair) in order, then the same once more for the second
// frequency where there is one.
#ifndef ROTARY_ROPE_PHASE_ROWS_H_
#define ROTARY_ROPE_PHASE_ROWS_H_

#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "rotary/base/tensor.h"
#include "rotary/rope/arithmetic.h"
#include "rotary/rope/rotation.h"

namespace rotary {

// cos and sin of one angle.
struct Turn {
  double cos = 1;
  double sin = 0;
};

// The turn by the angle sum_x frequency[x] position[x], as if the products and their sum were
// exact: each is kept with its rounding error, so that an angle of 10^9 radians is as good as one
// of 1. Error below 4e-16.
Turn TurnBy(const double* frequency, const double* position, int axes);

class PhaseRows {
 public:
  // Doubles in the widest vector of any SIMD target here; rows are padded to whole ones.
  static constexpr int64_t kLanes = 8;

  // Rows of a table; a position is three digits in this base, so the tables cover kRows^3 of them.
  static constexpr int64_t kRows = 128;

  PhaseRows() = default;
  PhaseRows(const Rotation& rotation, Arithmetic arithmetic);

  int64_t columns() const { return columns_; }
  int64_t stride() const { return stride_; }  // columns, padded; a row is 2 * stride numbers
  // Whether whole positions are made from the tables: exact, all heads alike, and no column that
  // turns with several axes. Else only Low(0) exists.
  bool has_tables() const { return high_.count() > 0; }

  // Of tables: row p has turned by p on the axis that each column reads.

  // Low(0): no turn. Number: double, or int32_t for the same in units of kFixedUnit, which is off
  // by at most half a unit, 2.4e-10, and half the memory: loads of tables amid those of heads slow
  // the latter down (docs/rotate.md).
  static constexpr double kFixedUnit = 1.0 / std::numeric_limits<int32_t>::max();
  template <class Number = double>
  const Number* Low(int64_t row) const {
    constexpr bool kIsFixed = std::is_same_v<Number, int32_t>;
    return RowOf<Number>(kIsFixed ? fixed_low_ : low_, row);
  }
  const double* Middle(int64_t row) const { return RowOf<double>(middle_, row); }
  const double* High(int64_t row) const { return RowOf<double>(high_, row); }

  // [stride]: -1, which is all ones, in the columns that read `axis`, else 0. With tables only.
  const int32_t* ReadsAxis(int axis) const {
    return reinterpret_cast<const int32_t*>(reads_axis_.raw()) + axis * stride_;
  }

  // A row is `vectors` times kLanes columns. The axes that each of them reads lie in one range, and
  // the vectors that read an axis in another.
  size_t vectors() const { return axes_of_vectors_.size(); }
  struct Range {
    int first, end;
  };
  const Range& AxesOfVector(size_t vector) const { return axes_of_vectors_[vector]; }
  const Range& VectorsOfAxis(size_t axis) const { return vectors_of_axes_[axis]; }

  // Writes the row of one position by sine and cosine; padding becomes 0.
  void Direct(const double* position, double* row) const;

 private:
  // Fills reads_axis_ and the ranges; false where a column reads several axes.
  bool FindAxes();

  template <class Number>
  const Number* RowOf(const Tensor& table, int64_t row) const {
    // raw(): data() would check the dtype for every token.
    return reinterpret_cast<const Number*>(table.raw()) + row * 2 * stride_;
  }

  Arithmetic arithmetic_ = Arithmetic::kExact;
  int axes_ = 1;
  int64_t columns_ = 0;
  int64_t stride_ = 0;
  std::vector<double> frequency_;       // [columns, axes]
  Tensor low_, middle_, high_;          // [rows, (cos, sin), stride], aligned for whole vectors
  Tensor fixed_low_;                    // low_ in units of kFixedUnit
  Tensor reads_axis_;                   // [axes, stride]
  std::vector<Range> axes_of_vectors_;  // [stride / kLanes]
  std::vector<Range> vectors_of_axes_;  // [axes]
};

}  // namespace rotary

#endif  // ROTARY_ROPE_PHASE_ROWS_H_
