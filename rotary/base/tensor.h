// A block of numbers with a shape: Tensor owns its memory, TensorView and ConstTensorView borrow
// somebody's.
//
// Shapes and strides count elements; the last axis changes fastest in a Tensor. A view may have any
// strides (negative and zero ones too) and need not be aligned beyond the size of an element.
#ifndef ROTARY_BASE_TENSOR_H_
#define ROTARY_BASE_TENSOR_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "rotary/base/dtype.h"
#include "rotary/base/memory.h"

namespace rotary {

inline constexpr int kMaxRank = 5;

// Up to kMaxRank axis lengths or strides.
class Dims {
 public:
  Dims() = default;
  Dims(std::initializer_list<int64_t> values);  // throws std::invalid_argument above kMaxRank
  explicit Dims(std::span<const int64_t> values);

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return values_[static_cast<size_t>(axis)]; }
  int64_t& operator[](int axis) { return values_[static_cast<size_t>(axis)]; }
  const int64_t* begin() const { return values_.data(); }
  const int64_t* end() const { return values_.data() + rank_; }
  bool operator==(const Dims& other) const;

  // The product; 1 for rank 0. Throws std::invalid_argument on a negative length or an overflow.
  int64_t Count() const;
  // The strides of a tensor of this shape without gaps.
  Dims PackedStrides() const;
  // "[2, 3, 4]"
  std::string ToString() const;

 private:
  int rank_ = 0;
  std::array<int64_t, kMaxRank> values_{};
};

// `Pointer` is void* or const void*.
template <class Pointer>
class BasicTensorView {
 public:
  BasicTensorView() = default;
  BasicTensorView(Pointer data, DType dtype, Dims shape, Dims strides)
      : data_(data), dtype_(dtype), shape_(shape), strides_(strides) {
    Require(shape.rank() == strides.rank(), "TensorView: ", shape.rank(), " axes but ",
            strides.rank(), " strides");
    shape.Count();  // a view of a negative shape must not exist
  }
  // Without gaps.
  BasicTensorView(Pointer data, DType dtype, Dims shape)
      : BasicTensorView(data, dtype, shape, shape.PackedStrides()) {}
  // A view that may be written can be read.
  template <class Other>
  requires(std::is_convertible_v<Other, Pointer> && !std::is_same_v<Other, Pointer>)
      BasicTensorView(const BasicTensorView<Other>& other)  // NOLINT(google-explicit-constructor)
      : data_(other.data()),
        dtype_(other.dtype()),
        shape_(other.shape()),
        strides_(other.strides()) {}

  Pointer data() const { return data_; }
  DType dtype() const { return dtype_; }
  int rank() const { return shape_.rank(); }
  const Dims& shape() const { return shape_; }
  const Dims& strides() const { return strides_; }
  int64_t shape(int axis) const { return shape_[axis]; }
  int64_t stride(int axis) const { return strides_[axis]; }
  int64_t count() const { return shape_.Count(); }
  bool IsPacked() const { return strides_ == shape_.PackedStrides(); }

  // The data as elements of T (const T where the view is const).
  // Throws std::invalid_argument when T is not the dtype.
  template <class T>
  auto As() const {
    Require(kDTypeOf<T> == dtype_, "TensorView: holds ", Name(dtype_), ", asked for ",
            Name(kDTypeOf<T>));
    using Element = std::conditional_t<std::is_const_v<std::remove_pointer_t<Pointer>>, const T, T>;
    return static_cast<Element*>(data_);
  }

  // Indices [begin, end) of `axis`. Throws std::out_of_range.
  BasicTensorView Slice(int axis, int64_t begin, int64_t end) const {
    if (axis < 0 || axis >= rank() || begin < 0 || begin > end || end > shape_[axis]) {
      throw std::out_of_range(Sentence("Slice: [", begin, ", ", end, ") of axis ", axis,
                                       " is not inside ", shape_.ToString()));
    }
    BasicTensorView slice = *this;
    slice.shape_[axis] = end - begin;
    if (shape_.Count() != 0) {
      using Byte = std::conditional_t<std::is_const_v<std::remove_pointer_t<Pointer>>,
                                      const std::byte, std::byte>;
      slice.data_ =
          static_cast<Byte*>(data_) + begin * strides_[axis] * static_cast<int64_t>(SizeOf(dtype_));
    }
    return slice;
  }

 private:
  Pointer data_ = nullptr;
  DType dtype_ = DType::kF32;
  Dims shape_;
  Dims strides_;
};

using TensorView = BasicTensorView<void*>;
using ConstTensorView = BasicTensorView<const void*>;

// Owns packed memory, zeroed. Moves, does not copy; Clone() says so where a copy is meant.
class Tensor {
 public:
  Tensor() = default;
  Tensor(DType dtype, Dims shape);

  DType dtype() const { return dtype_; }
  int rank() const { return shape_.rank(); }
  const Dims& shape() const { return shape_; }
  int64_t shape(int axis) const { return shape_[axis]; }
  int64_t count() const { return count_; }
  size_t bytes() const { return static_cast<size_t>(count_) * SizeOf(dtype_); }

  TensorView view() { return {bytes_.get(), dtype_, shape_}; }
  ConstTensorView view() const { return {bytes_.get(), dtype_, shape_}; }
  ConstTensorView const_view() const { return view(); }

  template <class T>
  T* data() {
    return view().As<T>();
  }
  template <class T>
  const T* data() const {
    return view().As<T>();
  }
  template <class T>
  std::span<T> span() {
    return {data<T>(), static_cast<size_t>(count_)};
  }
  template <class T>
  std::span<const T> span() const {
    return {data<T>(), static_cast<size_t>(count_)};
  }
  std::byte* raw() { return bytes_.get(); }
  const std::byte* raw() const { return bytes_.get(); }

  Tensor Clone() const;

 private:
  DType dtype_ = DType::kF32;
  Dims shape_;
  int64_t count_ = 0;
  AlignedBytes bytes_;
};

}  // namespace rotary

#endif  // ROTARY_BASE_TENSOR_H_
