// Turns q = [1, 0, 0, 1] by 30 degrees a position, adjacent channels together, and prints it at
// position 1.
#include <cstdint>
#include <cstdio>
#include <numbers>

#include "rotary/rope/rotate.h"

int main() {
  rotary::Rotation rotation =
      rotary::MakeRotation({.head_dim = 4, .layout = rotary::Layout::kInterleaved});
  for (double& frequency : rotation.frequency) frequency = std::numbers::pi / 6;
  const rotary::PhaseTable table(rotation);

  const int64_t position = 1;
  float q[4] = {1, 0, 0, 1};
  const rotary::TensorView view(q, rotary::DType::kF32, {1, 1, 4});  // tokens, heads, channels
  rotary::Rotate(table, {&position, rotary::DType::kI64, {1}}, view, view);
  std::printf("%.3f %.3f %.3f %.3f\n", q[0], q[1], q[2], q[3]);
}
