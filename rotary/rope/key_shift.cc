#include "rotary/rope/key_shift.h"

#include <utility>

#include "rotary/base/error.h"
#include "rotary/rope/rotate.h"

namespace rotary {
namespace {

void RequireGroup(const Rotation& rotation, const char* operation) {
  Require(rotation.IsGroup(), operation,
          ": a rotation with a second frequency is no group, its keys cannot be moved");
}

// Of one batch row, to / from: cos and sin [tokens, heads, pairs] of `dtype`, f32 or f64.
struct Quotient {
  Quotient(const Phases& from, const Phases& to, int64_t row, DType dtype)
      : cos(dtype, {from.tokens(), from.heads(), from.pairs()}),
        sin(dtype, {from.tokens(), from.heads(), from.pairs()}) {
    dtype == DType::kF64 ? Fill<double>(from, to, row) : Fill<float>(from, to, row);
  }

  template <class T>
  void Fill(const Phases& from, const Phases& to, int64_t row) {
    const int64_t count = cos.count();
    const double* from_cos = from.cos().As<double>() + row * count;
    const double* from_sin = from.sin().As<double>() + row * count;
    const double* to_cos = to.cos().As<double>() + row * count;
    const double* to_sin = to.sin().As<double>() + row * count;
    for (int64_t i = 0; i < count; ++i) {
      // (c' + i s') (c - i s) / (c c + s s)
      const double squared = from_cos[i] * from_cos[i] + from_sin[i] * from_sin[i];
      const double c = to_cos[i] * from_cos[i] + to_sin[i] * from_sin[i];
      const double s = to_sin[i] * from_cos[i] - to_cos[i] * from_sin[i];
      cos.data<T>()[i] = static_cast<T>(c / squared);
      sin.data<T>()[i] = static_cast<T>(s / squared);
    }
  }

  Tensor cos, sin;
};

}  // namespace

PhaseTable ShiftTable(Rotation rotation) {
  RequireGroup(rotation, "shift");
  rotation.attention_factor = 1;
  return PhaseTable(std::move(rotation));
}

void ShiftKeys(const PhaseTable& shift, ConstTensorView deltas, ConstTensorView keys,
               TensorView out, int threads) {
  RequireGroup(shift.rotation(), "shift");
  Require(shift.rotation().attention_factor == 1, "shift: the table has an attention factor of ",
          shift.rotation().attention_factor,
          ", which the keys already hold; make the table by ShiftTable");
  Rotate(shift, deltas, keys, out, {.threads = threads}, Side::kKey);
}

void RebaseKeys(const PhaseTable& from, ConstTensorView from_positions, const PhaseTable& to,
                ConstTensorView to_positions, ConstTensorView keys, TensorView out,
                const RebaseOptions& options) {
  const Rotation &old_rotation = from.rotation(), &new_rotation = to.rotation();
  RequireGroup(old_rotation, "rebase");
  RequireGroup(new_rotation, "rebase");
  Require(old_rotation.head_dim == new_rotation.head_dim &&
              old_rotation.first == new_rotation.first &&
              old_rotation.second == new_rotation.second,
          "rebase: the two rotations pair other channels");
  Require(old_rotation.heads == new_rotation.heads, "rebase: the rotations are for ",
          old_rotation.heads, " and ", new_rotation.heads, " heads");
  const Phases before(from, from_positions, DType::kF64, Side::kKey, options.centre,
                      options.threads);
  const Phases after(to, to_positions, DType::kF64, Side::kKey, options.centre, options.threads);
  Require(before.batch() == after.batch() && before.tokens() == after.tokens(),
          "rebase: the positions before and after must be alike in shape, got ",
          from_positions.shape().ToString(), " and ", to_positions.shape().ToString());
  const int64_t rows = before.batch();
  Require(rows == 1 || (keys.rank() == 4 && keys.shape(0) == rows), "rebase: ", rows,
          " rows of positions for keys ", keys.shape().ToString());
  Require(keys.shape() == out.shape(), "rebase: the keys are ", keys.shape().ToString(),
          ", the output ", out.shape().ToString());
  const DType dtype = keys.dtype() == DType::kF64 ? DType::kF64 : DType::kF32;
  for (int64_t row = 0; row < rows; ++row) {
    const Quotient turn(before, after, row, dtype);
    const Phases phases = Phases::Given(old_rotation.head_dim, old_rotation.first,
                                        old_rotation.second, turn.cos.view(), turn.sin.view());
    const bool all = rows == 1;
    Rotate(phases, all ? keys : keys.Slice(0, row, row + 1), all ? out : out.Slice(0, row, row + 1),
           {.threads = options.threads});
  }
}

}  // namespace rotary
