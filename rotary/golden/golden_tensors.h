// The numbers of a golden vector, as the scorer works with them.
#ifndef ROTARY_GOLDEN_GOLDEN_TENSORS_H_
#define ROTARY_GOLDEN_GOLDEN_TENSORS_H_

#include <filesystem>
#include <vector>

#include "rotary/base/tensor.h"
#include "rotary/golden/golden_case.h"

namespace rotary {

// The tensors of a case, as doubles.
struct GoldenTensors {
  Dims shape;                     // of x: batch, tokens, heads, head_dim
  std::vector<double> positions;  // [batch, tokens, axes]
  std::vector<double> x, y, d_y, d_x;
};

// Throws FileError: not readable, a tensor missing or of another shape than the case says.
GoldenTensors ReadGoldenTensors(const GoldenCase& golden, const std::filesystem::path& path);

// A packed tensor of floats or i64 as doubles. Throws std::invalid_argument for another dtype.
std::vector<double> Doubles(ConstTensorView view);

}  // namespace rotary

#endif  // ROTARY_GOLDEN_GOLDEN_TENSORS_H_
