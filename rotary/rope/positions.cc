#include "rotary/rope/positions.h"

#include <cmath>

namespace rotary {
namespace {

constexpr int64_t kWholeNumbersEnd = int64_t{1} << 53;

bool IsValid(int64_t position) {
  return position >= -kWholeNumbersEnd && position <= kWholeNumbersEnd;
}
bool IsValid(double position) {
  return std::abs(position) <= static_cast<double>(kWholeNumbersEnd);  // false for NaN
}

}  // namespace

Positions::Positions(ConstTensorView view, int axes, std::string_view operation) : axes_(axes) {
  const int rank = view.rank();
  if (view.dtype() == DType::kI64) {
    integers_ = view.As<int64_t>();
  } else if (view.dtype() == DType::kF64) {
    doubles_ = view.As<double>();
  } else {
    throw std::invalid_argument(
        Sentence(operation, ": positions must be i64 or f64, got ", Name(view.dtype())));
  }
  if (rank < 1 || rank > 3) {
    throw std::invalid_argument(Sentence(operation,
                                         ": positions must be [tokens], [batch, tokens] or "
                                         "[batch, tokens, axes], got ",
                                         view.shape().ToString()));
  }
  const int64_t view_axes = rank == 3 ? view.shape(2) : 1;
  Require(view_axes == axes, operation, ": the rotation takes ", axes,
          " numbers per position, positions have ", view_axes);
  if (rank > 1) {
    batch_ = view.shape(0);
    batch_stride_ = view.stride(0);
  }
  const int token_axis = rank == 1 ? 0 : 1;
  tokens_ = view.shape(token_axis);
  token_stride_ = view.stride(token_axis);
  if (rank == 3) axis_stride_ = view.stride(2);

  for (int64_t b = 0; b < batch_; ++b) {
    for (int64_t t = 0; t < tokens_; ++t) {
      for (int axis = 0; axis < axes; ++axis) {
        const int64_t at = b * batch_stride_ + t * token_stride_ + axis * axis_stride_;
        const bool valid = integers_ != nullptr ? IsValid(integers_[at]) : IsValid(doubles_[at]);
        if (valid) continue;
        const std::string got =
            integers_ != nullptr ? std::to_string(integers_[at]) : Sentence(doubles_[at]);
        throw std::invalid_argument(
            Sentence(operation, ": positions must be at most 2^53 in magnitude, got ", got));
      }
    }
  }
}

}  // namespace rotary
