// Queries, keys and positions as files hold them, shared by the commands that rotate tensors.
#ifndef ROTARY_CLI_TENSOR_FLAGS_H_
#define ROTARY_CLI_TENSOR_FLAGS_H_

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "rotary/io/safetensors.h"
#include "rotary/rope/phases.h"

namespace rotary {

// The order of the axes: b batch, t tokens, h heads, d channels.
inline constexpr const char* kShapes = "bthd, bhtd, thd, htd";

// `view` as the library takes it: [batch, tokens, heads, head_dim] or [tokens, heads, head_dim].
//   shape  one of kShapes; empty: bthd or thd, by the number of axes
// Throws std::invalid_argument: another shape or another number of axes.
template <class Pointer>
BasicTensorView<Pointer> TokensThenHeads(const BasicTensorView<Pointer>& view,
                                         const std::string& shape);

// Positions as files hold them, as the library takes them.
//   axes  of the rotation. 1: [tokens] or [batch, tokens]. More: [axes, tokens] or
//         [axes, batch, tokens], or [tokens], the same on every axis
// Throws std::invalid_argument where the shape is none of these.
ConstTensorView PositionsOnAxes(const ConstTensorView& positions, int axes);

// 0 .. tokens - 1.
Tensor CountedPositions(int64_t tokens);

// The side of a tensor by its name: keys where the last of the parts between dots begins with "k"
// (k, key, layers.0.k_proj), or where `keys` lists it; all others are queries.
Side SideOf(const std::string& name, const std::vector<std::string>& keys);

// Throws FileError where `file` has no tensor of that name, with the names that it has.
void RequireTensor(const SafetensorsFile& file, const std::string& name);

// "[2, 5, 4, 64] f32"
std::string ShapeAndDType(const ConstTensorView& view);

}  // namespace rotary

#endif  // ROTARY_CLI_TENSOR_FLAGS_H_
