// The phases of one token after another, for kernels: shared by phases.cc and rotate.cc, compiled
// once per SIMD target.
#if defined(ROTARY_ROPE_PHASES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ROTARY_ROPE_PHASES_INL_H_
#undef ROTARY_ROPE_PHASES_INL_H_
#else
#define ROTARY_ROPE_PHASES_INL_H_
#endif

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "hwy/highway.h"
#include "rotary/rope/phases.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Calls body(tag, i) for i from `begin` to `end` in steps of the tag's lanes: whole vectors first,
// then vectors of half the lanes, down to one, so that no element beyond `end` is touched.
template <class D, class Body>
HWY_INLINE void ForVectors(D d, size_t begin, size_t end, const Body& body) {
  size_t i = begin;
  for (; i + hn::Lanes(d) <= end; i += hn::Lanes(d)) body(d, i);
  constexpr size_t kMost = hn::MaxLanes(D());
  if constexpr (kMost > 1) {
    if (HWY_UNLIKELY(i < end)) ForVectors(hn::CappedTag<hn::TFromD<D>, kMost / 2>(), i, end, body);
  }
}

// out = even[0], odd[0], even[1], odd[1], ...
template <class D, class V = hn::Vec<D>>
HWY_INLINE void StoreNeighbours(D d, V even, V odd, hn::TFromD<D>* out) {
  if constexpr (hn::MaxLanes(D()) == 1) {
    // Not by Highway: compiling its vst2 of one double for ARM, GCC 12 hangs.
    hn::StoreU(even, d, out);
    hn::StoreU(odd, d, out + 1);
  } else {
    hn::StoreInterleaved2(even, odd, d, out);
  }
}

// cos + i sin = (a_cos + i a_sin) (b_cos + i b_sin), lane by lane.
template <class V>
HWY_INLINE void MultiplyTurns(V a_cos, V a_sin, V b_cos, V b_sin, V& cos, V& sin) {
  cos = hn::NegMulAdd(a_sin, b_sin, hn::Mul(a_cos, b_cos));
  sin = hn::MulAdd(a_sin, b_cos, hn::Mul(a_cos, b_sin));
}

// out = factor a b, column by column. The padding of rows makes every length whole vectors; `out`
// may be `a`.
HWY_INLINE void MultiplyRows(const double* a, const double* b, double factor, int64_t stride,
                             double* out) {
  const hn::ScalableTag<double> d;
  const size_t columns = static_cast<size_t>(stride);
  const auto g = hn::Set(d, factor);
  for (size_t i = 0; i < columns; i += hn::Lanes(d)) {
    auto cos = hn::Undefined(d), sin = hn::Undefined(d);
    MultiplyTurns(hn::LoadU(d, a + i), hn::LoadU(d, a + columns + i), hn::LoadU(d, b + i),
                  hn::LoadU(d, b + columns + i), cos, sin);
    hn::StoreU(hn::Mul(cos, g), d, out + i);
    hn::StoreU(hn::Mul(sin, g), d, out + columns + i);
  }
}

// -1 or 0 for each lane as a mask of doubles or of int32_t.
template <class D>
HWY_INLINE hn::Vec<D> LoadAxisMask(D d, const int32_t* reads_axis) {
  if constexpr (std::is_same_v<hn::TFromD<D>, double>) {
    const hn::Rebind<int64_t, D> wide;
    return hn::BitCast(d, hn::PromoteTo(wide, hn::LoadU(hn::Rebind<int32_t, D>(), reads_axis)));
  } else {
    return hn::LoadU(d, reads_axis);
  }
}

// A vector of PhaseRows::kLanes columns of `out` = column by column that of the rows which reads
// the column's axis: row_of(axis) for each axis of `rows`.
template <class Number, class RowOf>
HWY_INLINE void SelectByAxis(const PhaseRows& rows, size_t vector, const RowOf& row_of,
                             Number* out) {
  const hn::CappedTag<Number, PhaseRows::kLanes> d;
  const size_t stride = static_cast<size_t>(rows.stride());
  const PhaseRows::Range axes = rows.AxesOfVector(vector);
  const size_t begin = vector * PhaseRows::kLanes;
  for (size_t i = begin; i < begin + PhaseRows::kLanes; i += hn::Lanes(d)) {
    auto cos = hn::LoadU(d, row_of(axes.first) + i);
    auto sin = hn::LoadU(d, row_of(axes.first) + stride + i);
    for (int axis = axes.first + 1; axis < axes.end; ++axis) {
      const auto reads = LoadAxisMask(d, rows.ReadsAxis(axis) + i);
      cos = hn::IfVecThenElse(reads, hn::LoadU(d, row_of(axis) + i), cos);
      sin = hn::IfVecThenElse(reads, hn::LoadU(d, row_of(axis) + stride + i), sin);
    }
    hn::StoreU(cos, d, out + i);
    hn::StoreU(sin, d, out + stride + i);
  }
}

// Doubles from a row of PhaseRows, of int32_t in its units.
template <class DD>
HWY_INLINE hn::Vec<DD> LoadDoubles(DD dd, const double* from) {
  return hn::LoadU(dd, from);
}
template <class DD>
HWY_INLINE hn::Vec<DD> LoadDoubles(DD dd, const int32_t* from) {
  return hn::PromoteTo(dd, hn::LoadU(hn::Rebind<int32_t, DD>(), from));
}

// The phases of a token: column by column base times low, conjugated where the position is
// negative. Both are rows as in phase_rows.h; `base` holds the factor g too, and the unit of `low`.
// Number: of PhaseRows::Low().
template <class Number>
struct RowFactors {
  const double* base;
  const Number* low;
  // Of a token at several numbers: the row that each PhaseRows::kLanes columns are read from,
  // instead of `low`. Null: `low` is the row of all.
  const Number* const* lows;
  size_t stride;
  double sine_flip;  // -0.0 where sines change their sign, else 0.0

  // cos, sin [count]: the phases of the columns from `column` on, rounded to M. The loop is a
  // function of its own because compilers make a poor one of it amid the rest.
  template <class M>
  HWY_NOINLINE void Split(size_t column, size_t count, M* HWY_RESTRICT cos,
                          M* HWY_RESTRICT sin) const {
    ForPhases<M>(column, count, [&](auto d, auto c, auto s, size_t i) HWY_ATTR {
      hn::StoreU(c, d, cos + i);
      hn::StoreU(s, d, sin + i);
    });
  }

  // keep [2 count]: each cosine twice; cross [2 count]: each sine negated, then as it is.
  template <class M>
  HWY_NOINLINE void Weave(size_t column, size_t count, M* HWY_RESTRICT keep,
                          M* HWY_RESTRICT cross) const {
    ForPhases<M>(column, count, [&](auto d, auto c, auto s, size_t i) HWY_ATTR {
      StoreNeighbours(d, c, c, keep + 2 * i);
      StoreNeighbours(d, hn::Neg(s), s, cross + 2 * i);
    });
  }

  // Calls body(tag, cos, sin) with a vector of phases from `column` on, rounded to M. With `lows`,
  // the vector must lie within columns that are read from one row.
  template <class M, class DD, class Body>
  HWY_INLINE void OneVector(DD dd, size_t column, const Body& body) const {
    const double* HWY_RESTRICT b = base + column;
    const Number* HWY_RESTRICT l =
        (HWY_LIKELY(lows == nullptr) ? low : lows[column / PhaseRows::kLanes]) + column;
    auto cos = hn::Undefined(dd), sin = hn::Undefined(dd);
    MultiplyTurns(hn::LoadU(dd, b), hn::LoadU(dd, b + stride), LoadDoubles(dd, l),
                  LoadDoubles(dd, l + stride), cos, sin);
    sin = hn::Xor(sin, hn::Set(dd, sine_flip));
    if constexpr (std::is_same_v<M, double>) {
      body(dd, cos, sin);
    } else {
      const hn::Rebind<float, DD> df;
      body(df, hn::DemoteTo(df, cos), hn::DemoteTo(df, sin));
    }
  }

 private:
  template <class M, class Body>
  HWY_INLINE void ForPhases(size_t column, size_t count, const Body& body) const {
    const RowFactors row = *this;  // in registers: the compiler must fear for members after a store
    const auto part = [&](size_t begin, size_t end) HWY_ATTR {
      ForVectors(hn::ScalableTag<double>(), begin, end, [&](auto dd, size_t i) HWY_ATTR {
        row.template OneVector<M>(dd, column + i,
                                  [&](auto d, auto c, auto s) HWY_ATTR { body(d, c, s, i); });
      });
    };
    if (HWY_LIKELY(lows == nullptr)) return part(0, count);
    constexpr size_t kLanes = PhaseRows::kLanes;
    for (size_t begin = 0; begin < count;) {
      const size_t end = std::min(count, begin + kLanes - (column + begin) % kLanes);
      part(begin, end);
      begin = end;
    }
  }
};

// The phases of a table for tokens in any order. What it computes for a position never depends on
// the positions before. Number: of the table's rows that each token reads, see PhaseRows::Low().
template <class Number>
class PhaseCursor {
 public:
  // With `inverse`, phases are divided by g instead of multiplied; their angles keep their sign.
  PhaseCursor(const PhaseTable& table, Side side, double centre, bool inverse)
      : rotation_(table.rotation()),
        rows_(table.rows()),
        arithmetic_(table.arithmetic()),
        decay_sign_((side == Side::kQuery) == inverse ? -1.0 : 1.0),
        centre_(centre),
        factor_(inverse ? 1 / rotation_.attention_factor : rotation_.attention_factor),
        rows_memory_(DType::kF64, {4, 2, rows_.stride()}),
        block_row_(rows_memory_.data<double>()),
        decayed_row_(block_row_ + 2 * rows_.stride()),
        middle_row_(block_row_ + 4 * rows_.stride()),
        low_row_(reinterpret_cast<Number*>(block_row_ + 6 * rows_.stride())),
        lows_(rows_.vectors()),
        places_(static_cast<size_t>(rotation_.axes)) {}

  // The phases at position[axes]; they stay valid until the next call.
  HWY_INLINE RowFactors<Number> At(const double* position) {
    const size_t stride = static_cast<size_t>(rows_.stride());
    RowFactors<Number> factors{block_row_, Low(0), nullptr, stride, 0.0};
    const double magnitude = std::abs(position[0]);
    const auto whole = static_cast<int64_t>(magnitude);  // positions end at 2^53
    if (rows_.has_tables() && rotation_.axes > 1 &&
        (IsInBlocks(position) || StartBlocks(position))) {
      SetLows(factors);
    } else if (rows_.has_tables() && rotation_.axes == 1 &&
               static_cast<double>(whole) == magnitude) {
      if (whole / PhaseRows::kRows != places_[0].block) StartBlock(whole / PhaseRows::kRows);
      factors.low = Low(whole % PhaseRows::kRows);
      factors.sine_flip = position[0] < 0 ? -0.0 : 0.0;
    } else {
      places_.assign(places_.size(), {});
      SetBlockRow(position);
    }
    if (!rotation_.log_decay.empty()) {
      Decay(position[0] - centre_);
      factors.base = decayed_row_;
    }
    return factors;
  }

 private:
  static constexpr double kUnit = std::is_same_v<Number, double> ? 1.0 : PhaseRows::kFixedUnit;

  const Number* Low(int64_t row) const { return rows_.template Low<Number>(row); }

  // block_row_ = g e^(i 128 block w), in units of the rows of Low().
  HWY_NOINLINE void StartBlock(int64_t block) {
    places_[0].block = block;
    const int64_t high = block / PhaseRows::kRows;
    if (high < PhaseRows::kRows) {
      MultiplyRows(rows_.High(high), rows_.Middle(block % PhaseRows::kRows), factor_ * kUnit,
                   rows_.stride(), block_row_);
    } else {
      const double position = static_cast<double>(block * PhaseRows::kRows);
      SetBlockRow(&position);
    }
  }

  // Sets the digits of a position on several axes; false where an axis is not at a whole number of
  // the block of block_row_. Of a picture's tokens most axes stay where they were.
  HWY_INLINE bool IsInBlocks(const double* position) {
    Place* const places = places_.data();
    const size_t axes = places_.size();
    bool is_in = true;
    for (size_t axis = 0; axis < axes; ++axis) {
      Place& place = places[axis];
      if (HWY_LIKELY(position[axis] == place.position)) continue;
      const auto whole = static_cast<int64_t>(position[axis]);
      place.position = position[axis];
      place.digit = whole - place.block * PhaseRows::kRows;
      is_in &= whole >= 0 && place.digit >= 0 && place.digit < PhaseRows::kRows &&
               static_cast<double>(whole) == position[axis];
    }
    return is_in;
  }

  // Makes block_row_ for a position on several axes and sets the digits. Returns false, and leaves
  // block_row_, where an axis is not at a whole number within the tables.
  HWY_NOINLINE bool StartBlocks(const double* position) {
    constexpr double kEnd = static_cast<double>(PhaseRows::kRows * PhaseRows::kRows) *
                            static_cast<double>(PhaseRows::kRows);
    for (size_t axis = 0; axis < places_.size(); ++axis) {
      if (!(position[axis] >= 0 && position[axis] < kEnd)) return false;
      const auto whole = static_cast<int64_t>(position[axis]);
      if (static_cast<double>(whole) != position[axis]) return false;
    }
    for (size_t axis = 0; axis < places_.size(); ++axis) {
      const auto whole = static_cast<int64_t>(position[axis]);
      places_[axis].block = whole / PhaseRows::kRows;
      places_[axis].digit = whole % PhaseRows::kRows;
    }
    const auto block = [&](int axis) { return places_[static_cast<size_t>(axis)].block; };
    for (size_t vector = 0; vector < rows_.vectors(); ++vector) {
      SelectByAxis(
          rows_, vector, [&](int axis) { return rows_.High(block(axis) / PhaseRows::kRows); },
          block_row_);
      SelectByAxis(
          rows_, vector, [&](int axis) { return rows_.Middle(block(axis) % PhaseRows::kRows); },
          middle_row_);
    }
    MultiplyRows(block_row_, middle_row_, factor_ * kUnit, rows_.stride(), block_row_);
    return true;
  }

  // The rows of a token on several axes. Of a picture's tokens mostly one axis moves.
  HWY_INLINE void SetLows(RowFactors<Number>& factors) {
    Place* const places = places_.data();
    const size_t axes = places_.size();
    bool alike = true;
    for (size_t axis = 1; axis < axes; ++axis) alike &= places[axis].digit == places[0].digit;
    if (alike) {  // text
      factors.low = Low(places[0].digit);
      return;
    }
    for (size_t axis = 0; axis < axes; ++axis) {
      if (HWY_LIKELY(places[axis].digit == places[axis].low_row)) continue;
      places[axis].low_row = places[axis].digit;
      MoveLows(axis);
    }
    factors.lows = lows_.data();
  }

  // Of the vectors that read an axis, and of those between them. Those that read one axis, as in
  // contiguous sections, are read from its row as it is: copies of it, made here, cost a tenth of
  // the speed of rotation.
  HWY_NOINLINE void MoveLows(size_t axis) {
    const PhaseRows::Range vectors = rows_.VectorsOfAxis(axis);
    const auto row = [&](int a) { return Low(places_[static_cast<size_t>(a)].digit); };
    for (int i = vectors.first; i < vectors.end; ++i) {
      const auto vector = static_cast<size_t>(i);
      const PhaseRows::Range axes = rows_.AxesOfVector(vector);
      if (axes.end - axes.first == 1) {
        lows_[vector] = row(axes.first);
      } else {
        lows_[vector] = low_row_;
        SelectByAxis(rows_, vector, row, low_row_);
      }
    }
  }

  HWY_NOINLINE void SetBlockRow(const double* position) {
    rows_.Direct(position, block_row_);
    MultiplyRows(block_row_, rows_.Low(0), factor_, rows_.stride(), block_row_);
    if (arithmetic_ == Arithmetic::kFloat32) {
      for (int64_t i = 0; i < 2 * rows_.stride(); ++i) {
        block_row_[i] = static_cast<double>(static_cast<float>(block_row_[i]));
      }
    }
    for (int64_t i = 0; i < 2 * rows_.stride(); ++i) block_row_[i] *= kUnit;
  }

  // The row of the token: that of the block times the decay of each pair at `distance` from the
  // centre.
  HWY_NOINLINE void Decay(double distance) {
    const size_t pairs = rotation_.log_decay.size();
    const size_t stride = static_cast<size_t>(rows_.stride());
    for (size_t column = 0; column < static_cast<size_t>(rows_.columns()); ++column) {
      const double decay = std::exp(decay_sign_ * rotation_.log_decay[column % pairs] * distance);
      decayed_row_[column] = block_row_[column] * decay;
      decayed_row_[stride + column] = block_row_[stride + column] * decay;
    }
  }

  const Rotation& rotation_;
  const PhaseRows& rows_;
  Arithmetic arithmetic_;
  double decay_sign_;
  double centre_;
  double factor_;
  Tensor rows_memory_;
  double* block_row_;                // the row of the block
  double* decayed_row_;              // the same with the decay of the token
  double* middle_row_;               // of a block at several numbers
  Number* low_row_;                  // of a token at several numbers: vectors of several axes
  std::vector<const Number*> lows_;  // as RowFactors::lows
  // On each axis: the block of 128 positions that block_row_ stands at (-1: none), the token's
  // position and its place in the block, and the place that lows_ stand for (-1: none).
  struct Place {
    int64_t block = -1, digit = 0, low_row = -1;
    double position = std::numeric_limits<double>::quiet_NaN();
  };
  std::vector<Place> places_;
};

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#endif  // toggled
