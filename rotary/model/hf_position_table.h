// The table of sines and cosines that RoFormer's files carry: from a rotation to it and back.
//
//   roformer.encoder.embed_positions.weight  [positions, head_dim]: row p holds sin(p w_j), then
//   cos(p w_j)
//
// transformers multiplies by what stands there, so a table in a file wins over the formula.
#ifndef ROTARY_MODEL_HF_POSITION_TABLE_H_
#define ROTARY_MODEL_HF_POSITION_TABLE_H_

#include <span>

#include "rotary/base/tensor.h"
#include "rotary/rope/rotation.h"

namespace rotary {

// The table of an interleaved rotation of the whole head, `rows` positions from 0, f32.
Tensor MakePositionTable(const Rotation& rotation, int64_t rows);

// The rotation whose table this is: the one of theta 10,000, to the bit, where the table holds its
// values; else interleaved pairs at the frequencies that the table shows.
//   table      [rows, head_dim]
//   tolerance  the largest error of an entry that its number format explains
// Throws std::invalid_argument where the rows do not turn by the same angle each.
Rotation RotationOfPositionTable(std::span<const float> table, int head_dim, double tolerance);

}  // namespace rotary

#endif  // ROTARY_MODEL_HF_POSITION_TABLE_H_
