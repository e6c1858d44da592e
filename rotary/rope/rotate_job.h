// What one call of Rotate or RotateQK asks of the kernels, checked.
#ifndef ROTARY_ROPE_ROTATE_JOB_H_
#define ROTARY_ROPE_ROTATE_JOB_H_

#include <array>
#include <cstdint>

#include "rotary/rope/phases.h"
#include "rotary/rope/positions.h"
#include "rotary/rope/rotate.h"

namespace rotary {

// One tensor to rotate: [batch, tokens, heads, head_dim].
struct RotateOperand {
  ConstTensorView in;
  TensorView out;  // the same memory as `in`, or none of it
  Side side = Side::kQuery;
};

// Work is counted in items: a block of consecutive tokens of one batch row. Batch rows that share
// their positions follow one another, so that the coefficients of a block are computed once for all
// of them:
//   item = (position row * blocks + block) * sharing + batch row within those that share
struct RotateJob {
  // Phases are computed from a table on the way, or ready.
  const PhaseTable* table = nullptr;
  const Positions* positions = nullptr;  // with a table
  double centre = 0;                     // with a table
  const Phases* phases = nullptr;

  const ChannelRuns* runs = nullptr;
  int pairs = 0;
  int phase_heads = 1;  // rows of phases for a token
  bool is_group = true;
  Direction direction = Direction::kForward;
  std::array<RotateOperand, 2> operands;
  int operand_count = 1;

  int64_t tokens = 0;
  int64_t block_tokens = 1;
  int64_t blocks = 0;  // of a batch row
  int64_t position_rows = 1;
  int64_t sharing = 1;  // batch rows that share a row of positions
};

}  // namespace rotary

#endif  // ROTARY_ROPE_ROTATE_JOB_H_
