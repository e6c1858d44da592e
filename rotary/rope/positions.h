// Positions as every function of this room takes them, checked once.
#ifndef ROTARY_ROPE_POSITIONS_H_
#define ROTARY_ROPE_POSITIONS_H_

#include <cstdint>
#include <string_view>

#include "rotary/base/tensor.h"

namespace rotary {

// Reads [tokens], [batch, tokens] or [batch, tokens, axes] of i64 or f64 as doubles. Borrows the
// view.
class Positions {
 public:
  // Throws std::invalid_argument, in the name of `operation`: another dtype or rank, a number of
  // axes that is not `axes`, a position that is not finite or above 2^53 in magnitude (where whole
  // numbers end in double).
  Positions(ConstTensorView view, int axes, std::string_view operation);

  int64_t batch() const { return batch_; }  // 1 where the view has no batch axis
  int64_t tokens() const { return tokens_; }

  // Writes the position of one token to out[axes].
  void Read(int64_t batch, int64_t token, double* out) const {
    const int64_t at = batch * batch_stride_ + token * token_stride_;
    out[0] = integers_ != nullptr ? static_cast<double>(integers_[at]) : doubles_[at];
    for (int axis = 1; axis < axes_; ++axis) {
      const int64_t next = at + axis * axis_stride_;
      out[axis] = integers_ != nullptr ? static_cast<double>(integers_[next]) : doubles_[next];
    }
  }

 private:
  const int64_t* integers_ = nullptr;
  const double* doubles_ = nullptr;
  int axes_;
  int64_t batch_ = 1, tokens_ = 0;
  int64_t batch_stride_ = 0, token_stride_ = 0, axis_stride_ = 0;
};

}  // namespace rotary

#endif  // ROTARY_ROPE_POSITIONS_H_
