// From positions to the cosines and sines that kernels multiply by.
//
// Angles live in double; cos and sin are rounded once. For whole positions of one axis a table
// factorises the turn,
//
//   e^(i p w) = e^(i 16384 high w) e^(i 128 middle w) e^(i low w)
//   p = 16384 high + 128 middle + low
//
// into three small double tables: one complex product per pair and token (the first two factors
// stay the same for 128 positions), shared by all heads, layers and threads. Memory grows with the
// cube root of the positions covered (384 rows for two million). Negative positions are the
// conjugates of positive ones. Where each pair reads one of several axes, rows are put together
// axis by axis. Fractions, pairs of several axes, frequencies by head and positions beyond the
// table take their own sine and cosine. docs/rotate.md has the error analysis.
#ifndef ROTARY_ROPE_PHASES_H_
#define ROTARY_ROPE_PHASES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "rotary/base/tensor.h"
#include "rotary/rope/arithmetic.h"
#include "rotary/rope/channel_runs.h"
#include "rotary/rope/phase_rows.h"
#include "rotary/rope/rotation.h"

namespace rotary {

// Which side of the score a tensor is on: xPos decays one and grows the other. All else is alike.
enum class Side { kQuery, kKey };

// The tables of one rotation. Does not change after construction: share it freely between threads.
class PhaseTable {
 public:
  // With kFloat32 the frequencies and the attention factor are rounded to float, and every token
  // takes its own sines and cosines.
  // Throws std::invalid_argument as CheckRotation does.
  explicit PhaseTable(Rotation rotation, Arithmetic arithmetic = Arithmetic::kExact);

  const Rotation& rotation() const { return rotation_; }
  Arithmetic arithmetic() const { return arithmetic_; }
  const ChannelRuns& runs() const { return runs_; }
  const PhaseRows& rows() const { return rows_; }

  // Writes cos and sin of every (head, pair) of one token, the factor g included. T is float or
  // double.
  //   position  [axes]; finite, at most 2^53 in magnitude
  //   cos, sin  [heads, pairs]; second_cos and second_sin the same, and only where second_frequency
  //             is not empty
  //
  // Accuracy, at any position: double 1e-15 of g; float that and its own rounding (2^-25 of a g of
  // 1). With kFloat32: float values, in double too, the products of cos or sin and g rounded.
  template <class T>
  void Fill(std::span<const double> position, Side side, double centre, T* cos, T* sin,
            T* second_cos = nullptr, T* second_sin = nullptr) const;

 private:
  Rotation rotation_;
  Arithmetic arithmetic_;
  ChannelRuns runs_;
  PhaseRows rows_;
};

// The rows of cos and sin for the tokens of one batch, computed once for all layers; or given from
// elsewhere.
class Phases {
 public:
  // From a table.
  //   positions  i64 or f64, any order, negative allowed: [tokens], [batch, tokens] or
  //              [batch, tokens, axes]
  //   dtype      kF32 for tensors of f32, bf16 and f16; kF64 for f64
  //
  // Throws std::invalid_argument on a wrong dtype, rank or number of axes, or a position that is
  // not finite or above 2^53 in magnitude.
  //
  // Threads: rows are split; the result is the same to the bit for any count.
  Phases(const PhaseTable& table, ConstTensorView positions, DType dtype = DType::kF32,
         Side side = Side::kQuery, double centre = 0, int threads = 0);

  // Given: cos and sin [rows, pairs] or [rows, heads, pairs] of f32 or f64, copied; pair j turns
  // channels first[j], second[j]. NaNs lose their payload.
  static Phases Given(int head_dim, std::span<const int32_t> first, std::span<const int32_t> second,
                      ConstTensorView cos, ConstTensorView sin);

  int head_dim() const { return head_dim_; }
  int heads() const { return heads_; }  // 1: all heads share a row
  int pairs() const { return static_cast<int>(first_.size()); }
  int64_t batch() const { return batch_; }  // 1: all batch rows share their tokens' phases
  int64_t tokens() const { return tokens_; }
  DType dtype() const { return cos_.dtype(); }
  std::span<const int32_t> first() const { return first_; }
  std::span<const int32_t> second() const { return second_; }
  const ChannelRuns& runs() const { return runs_; }
  // As Rotation::IsGroup.
  bool IsGroup() const { return second_cos_.rank() == 0; }
  // [batch, tokens, heads, pairs]; the second ones are the same tensors unless the rotation has a
  // second frequency.
  ConstTensorView cos() const { return cos_.view(); }
  ConstTensorView sin() const { return sin_.view(); }
  ConstTensorView second_cos() const { return IsGroup() ? cos_.view() : second_cos_.view(); }
  ConstTensorView second_sin() const { return IsGroup() ? sin_.view() : second_sin_.view(); }

 private:
  Phases() = default;
  int head_dim_ = 0;
  int heads_ = 1;
  int64_t batch_ = 0;
  int64_t tokens_ = 0;
  std::vector<int32_t> first_, second_;
  ChannelRuns runs_;
  Tensor cos_, sin_, second_cos_, second_sin_;
};

}  // namespace rotary

#endif  // ROTARY_ROPE_PHASES_H_
