#include "rotary/base/tensor.h"

#include <algorithm>
#include <cstring>

namespace rotary {

Dims::Dims(std::initializer_list<int64_t> values)
    : Dims(std::span<const int64_t>(values.begin(), values.size())) {}

Dims::Dims(std::span<const int64_t> values) {
  Require(values.size() <= size_t{kMaxRank}, "Dims: at most ", kMaxRank, " axes, got ",
          values.size());
  rank_ = static_cast<int>(values.size());
  std::copy(values.begin(), values.end(), values_.begin());
}

bool Dims::operator==(const Dims& other) const {
  return std::equal(begin(), end(), other.begin(), other.end());
}

int64_t Dims::Count() const {
  int64_t count = 1;
  for (const int64_t length : *this) {
    if (length < 0) {  // not Require: views are made often, and its sentence would be, each time
      throw std::invalid_argument(
          Sentence("Dims: a length must not be negative, got ", ToString()));
    }
    if (__builtin_mul_overflow(count, length, &count)) {
      throw std::invalid_argument(Sentence("Dims: too many elements in ", ToString()));
    }
  }
  return count;
}

Dims Dims::PackedStrides() const {
  Dims strides = *this;
  int64_t stride = 1;
  for (int axis = rank_ - 1; axis >= 0; --axis) {
    strides[axis] = stride;
    stride *= std::max<int64_t>(1, (*this)[axis]);
  }
  return strides;
}

std::string Dims::ToString() const {
  std::string text = "[";
  for (int axis = 0; axis < rank_; ++axis) {
    if (axis > 0) text += ", ";
    text += std::to_string((*this)[axis]);
  }
  return text + "]";
}

Tensor::Tensor(DType dtype, Dims shape) : dtype_(dtype), shape_(shape), count_(shape.Count()) {
  size_t bytes = 0;
  Require(!__builtin_mul_overflow(static_cast<size_t>(count_), SizeOf(dtype), &bytes),
          "Tensor: too many bytes in ", shape.ToString());
  bytes_ = AllocateAligned(bytes);
  std::memset(bytes_.get(), 0, bytes);
}

Tensor Tensor::Clone() const {
  Tensor copy(dtype_, shape_);
  if (count_ > 0) std::memcpy(copy.bytes_.get(), bytes_.get(), bytes());
  return copy;
}

}  // namespace rotary
