#include "rotary/cli/tensor_flags.h"

#include <algorithm>
#include <numeric>

#include "rotary/base/error.h"

namespace rotary {

template <class Pointer>
BasicTensorView<Pointer> TokensThenHeads(const BasicTensorView<Pointer>& view,
                                         const std::string& shape) {
  const std::string order = !shape.empty() ? shape : view.rank() == 3 ? "thd" : "bthd";
  Require(order == "bthd" || order == "bhtd" || order == "thd" || order == "htd",
          "shape must be one of ", kShapes, ", got \"", order, "\"");
  Require(view.rank() == std::ssize(order), "must be ", order, " by its shape, got ",
          view.shape().ToString());
  Dims lengths = view.shape(), strides = view.strides();
  const bool heads_first = order.find('h') < order.find('t');
  if (heads_first) {
    const int heads = view.rank() - 3;
    std::swap(lengths[heads], lengths[heads + 1]);
    std::swap(strides[heads], strides[heads + 1]);
  }
  return {view.data(), view.dtype(), lengths, strides};
}

template TensorView TokensThenHeads(const TensorView&, const std::string&);
template ConstTensorView TokensThenHeads(const ConstTensorView&, const std::string&);

ConstTensorView PositionsOnAxes(const ConstTensorView& positions, int axes) {
  const int rank = positions.rank();
  if (axes == 1) {
    Require(rank == 1 || rank == 2, "must be [tokens] or [batch, tokens], got ",
            positions.shape().ToString());
    return positions;
  }
  if (rank == 1) {
    return {positions.data(),
            positions.dtype(),
            {1, positions.shape(0), axes},
            {0, positions.stride(0), 0}};
  }
  Require((rank == 2 || rank == 3) && positions.shape(0) == axes, "must be [", axes, ", tokens], [",
          axes, ", batch, tokens] or [tokens], got ", positions.shape().ToString());
  const int64_t batch = rank == 3 ? positions.shape(1) : 1;
  const int64_t batch_stride = rank == 3 ? positions.stride(1) : 0;
  return {positions.data(),
          positions.dtype(),
          {batch, positions.shape(rank - 1), axes},
          {batch_stride, positions.stride(rank - 1), positions.stride(0)}};
}

Tensor CountedPositions(int64_t tokens) {
  Tensor positions(DType::kI64, {tokens});
  std::iota(positions.span<int64_t>().begin(), positions.span<int64_t>().end(), int64_t{0});
  return positions;
}

Side SideOf(const std::string& name, const std::vector<std::string>& keys) {
  if (std::find(keys.begin(), keys.end(), name) != keys.end()) return Side::kKey;
  const size_t dot = name.rfind('.');
  const std::string last = dot == name.npos ? name : name.substr(dot + 1);
  return last.starts_with('k') || last.starts_with('K') ? Side::kKey : Side::kQuery;
}

void RequireTensor(const SafetensorsFile& file, const std::string& name) {
  if (file.Contains(name)) return;
  constexpr size_t kMost = 8;
  std::string known;
  for (size_t i = 0; i < std::min(kMost, file.names().size()); ++i) {
    known += (i == 0 ? "" : ", ") + file.names()[i];
  }
  if (file.names().size() > kMost) known += ", ..";
  throw ReadError(file.path(), "there is no tensor ", name, "; it holds ",
                  known.empty() ? "none" : known);
}

std::string ShapeAndDType(const ConstTensorView& view) {
  return Sentence(view.shape().ToString(), " ", Name(view.dtype()));
}

}  // namespace rotary
