#include "rotary/rope/phases.h"

#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "rotary/base/parallel.h"
#include "rotary/rope/float32_arithmetic.h"
#include "rotary/rope/positions.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/rope/phases.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h.
#include "hwy/highway.h"
#include "rotary/rope/phases-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

// rows: cos, sin, second_cos, second_sin, each [tokens of all batch rows, heads, pairs]; the second
// ones without data for a group.
template <class T>
void FillTokensAs(PhaseCursor<double>& cursor, const Rotation& rotation, const Positions& positions,
                  int64_t begin, int64_t end, const std::array<TensorView, 4>& rows) {
  const size_t row = static_cast<size_t>(rotation.heads) * static_cast<size_t>(rotation.pairs());
  std::vector<double> position(static_cast<size_t>(rotation.axes));
  for (int64_t i = begin; i < end; ++i) {
    positions.Read(i / positions.tokens(), i % positions.tokens(), position.data());
    const RowFactors<double> factors = cursor.At(position.data());
    const size_t at = static_cast<size_t>(i) * row;
    factors.Split(0, row, rows[0].As<T>() + at, rows[1].As<T>() + at);
    if (!rotation.IsGroup()) factors.Split(row, row, rows[2].As<T>() + at, rows[3].As<T>() + at);
  }
}

void FillTokens(const PhaseTable& table, Side side, double centre, const Positions& positions,
                int64_t begin, int64_t end, const std::array<TensorView, 4>& rows) {
  PhaseCursor<double> cursor(table, side, centre, /*inverse=*/false);
  if (rows[0].dtype() == DType::kF32) {
    FillTokensAs<float>(cursor, table.rotation(), positions, begin, end, rows);
  } else {
    FillTokensAs<double>(cursor, table.rotation(), positions, begin, end, rows);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {

HWY_EXPORT(FillTokens);

namespace {

// Tokens worth a thread of their own: about 10 microseconds of table products.
constexpr int64_t kGrain = 256;

// [rows, pairs] or [rows, heads, pairs] of any strides as a packed [1, rows, heads, pairs]. A NaN
// becomes the plain one: StoreEvenOdd of load_store-inl.h must not meet any other.
template <class T>
Tensor CopyRows(ConstTensorView from) {
  const bool has_heads = from.rank() == 3;
  const int64_t rows = from.shape(0), heads = has_heads ? from.shape(1) : 1;
  const int64_t pairs = from.shape(from.rank() - 1);
  const int64_t head_stride = has_heads ? from.stride(1) : 0;
  const int64_t pair_stride = from.stride(from.rank() - 1);
  Tensor to(from.dtype(), {1, rows, heads, pairs});
  T* out = to.data<T>();
  for (int64_t t = 0; t < rows; ++t) {
    for (int64_t h = 0; h < heads; ++h) {
      const T* in = from.As<T>() + t * from.stride(0) + h * head_stride;
      for (int64_t j = 0; j < pairs; ++j) {
        const T value = in[j * pair_stride];
        *out++ = std::isnan(value) ? std::numeric_limits<T>::quiet_NaN() : value;
      }
    }
  }
  return to;
}

Tensor CopyRows(ConstTensorView from) {
  return from.dtype() == DType::kF32 ? CopyRows<float>(from) : CopyRows<double>(from);
}

}  // namespace

PhaseTable::PhaseTable(Rotation rotation, Arithmetic arithmetic)
    : rotation_(std::move(rotation)), arithmetic_(arithmetic) {
  CheckRotation(rotation_);
  if (arithmetic == Arithmetic::kFloat32) {
    rotation_ = RoundedToFloat32(std::move(rotation_));
    CheckRotation(rotation_);  // floats end sooner
  }
  runs_ = CutIntoRuns(rotation_.head_dim, rotation_.first, rotation_.second);
  rows_ = PhaseRows(rotation_, arithmetic);
}

template <class T>
void PhaseTable::Fill(std::span<const double> position, Side side, double centre, T* cos, T* sin,
                      T* second_cos, T* second_sin) const {
  const Positions positions(
      ConstTensorView(position.data(), DType::kF64, {1, 1, static_cast<int64_t>(position.size())}),
      rotation_.axes, "phases");
  const Dims shape{rotation_.heads, rotation_.pairs()};
  const std::array<TensorView, 4> rows{
      TensorView(cos, kDTypeOf<T>, shape), TensorView(sin, kDTypeOf<T>, shape),
      TensorView(second_cos, kDTypeOf<T>, shape), TensorView(second_sin, kDTypeOf<T>, shape)};
  Require(rotation_.IsGroup() || (second_cos != nullptr && second_sin != nullptr),
          "phases: a second frequency needs second_cos and second_sin");
  HWY_DYNAMIC_DISPATCH(FillTokens)(*this, side, centre, positions, 0, 1, rows);
}

template void PhaseTable::Fill<float>(std::span<const double>, Side, double, float*, float*, float*,
                                      float*) const;
template void PhaseTable::Fill<double>(std::span<const double>, Side, double, double*, double*,
                                       double*, double*) const;

Phases::Phases(const PhaseTable& table, ConstTensorView positions, DType dtype, Side side,
               double centre, int threads)
    : head_dim_(table.rotation().head_dim),
      heads_(table.rotation().heads),
      first_(table.rotation().first),
      second_(table.rotation().second),
      runs_(table.runs()) {
  Require(dtype == DType::kF32 || dtype == DType::kF64, "phases: dtype must be f32 or f64, got ",
          Name(dtype));
  const Positions checked(positions, table.rotation().axes, "phases");
  batch_ = checked.batch();
  tokens_ = checked.tokens();
  const Dims shape{batch_, tokens_, heads_, pairs()};
  cos_ = Tensor(dtype, shape);
  sin_ = Tensor(dtype, shape);
  if (!table.rotation().IsGroup()) {
    second_cos_ = Tensor(dtype, shape);
    second_sin_ = Tensor(dtype, shape);
  }
  const std::array<TensorView, 4> rows{cos_.view(), sin_.view(), second_cos_.view(),
                                       second_sin_.view()};
  ParallelFor(batch_ * tokens_, threads, kGrain, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(FillTokens)(table, side, centre, checked, begin, end, rows);
  });
}

Phases Phases::Given(int head_dim, std::span<const int32_t> first, std::span<const int32_t> second,
                     ConstTensorView cos, ConstTensorView sin) {
  Rotation pairing;  // checks the pairs; its frequencies mean nothing
  pairing.head_dim = head_dim;
  pairing.first.assign(first.begin(), first.end());
  pairing.second.assign(second.begin(), second.end());
  pairing.frequency.assign(first.size(), 0.0);
  CheckRotation(pairing);
  Require(cos.dtype() == DType::kF32 || cos.dtype() == DType::kF64,
          "phases: cos must be f32 or f64, got ", Name(cos.dtype()));
  Require(cos.dtype() == sin.dtype() && cos.shape() == sin.shape(),
          "phases: cos and sin must be alike, got ", Name(cos.dtype()), " ", cos.shape().ToString(),
          " and ", Name(sin.dtype()), " ", sin.shape().ToString());
  const int64_t pairs = pairing.pairs();
  Require((cos.rank() == 2 || cos.rank() == 3) && cos.shape(cos.rank() - 1) == pairs,
          "phases: cos and sin must be [rows, ", pairs, "] or [rows, heads, ", pairs, "], got ",
          cos.shape().ToString());
  Require(cos.rank() == 2 || cos.shape(1) >= 1, "phases: heads must be at least 1, got ",
          cos.shape().ToString());
  Phases phases;
  phases.head_dim_ = head_dim;
  phases.heads_ = cos.rank() == 3 ? static_cast<int>(cos.shape(1)) : 1;
  phases.batch_ = 1;
  phases.tokens_ = cos.shape(0);
  phases.runs_ = CutIntoRuns(head_dim, first, second);
  phases.first_ = std::move(pairing.first);
  phases.second_ = std::move(pairing.second);
  phases.cos_ = CopyRows(cos);
  phases.sin_ = CopyRows(sin);
  return phases;
}

}  // namespace rotary
#endif
