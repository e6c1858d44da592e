#include "rotary/rope/rotate.h"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "rotary/base/parallel.h"

namespace rotary {
namespace {

// [tokens, heads, head_dim] as a batch of one.
template <class View>
View WithBatch(const View& view) {
  if (view.rank() == 4) return view;
  Require(view.rank() == 3,
          "rotate: a tensor must be [tokens, heads, head_dim] or [batch, tokens, heads, head_dim], "
          "got ",
          view.shape().ToString());
  return View(view.data(), view.dtype(), {1, view.shape(0), view.shape(1), view.shape(2)},
              {0, view.stride(0), view.stride(1), view.stride(2)});
}

void CheckOperands(const Phases& phases, const ConstTensorView& x, const ConstTensorView& y,
                   Direction direction) {
  Require(x.dtype() == y.dtype() && x.shape() == y.shape(), "rotate: input is ", Name(x.dtype()),
          " ", x.shape().ToString(), ", output ", Name(y.dtype()), " ", y.shape().ToString());
  Require(x.shape(3) == phases.head_dim(), "rotate: head_dim of the rotation is ",
          phases.head_dim(), ", of the tensor ", x.shape(3));
  Require(x.shape(3) <= 1 || (x.stride(3) == 1 && y.stride(3) == 1),
          "rotate: the channel stride must be 1");
  Require(x.shape(1) == phases.tokens(), "rotate: ", phases.tokens(), " positions for ", x.shape(1),
          " tokens");
  Require(phases.batch() == 1 || phases.batch() == x.shape(0), "rotate: ", phases.batch(),
          " rows of positions for ", x.shape(0), " rows of tokens");
  Require(phases.heads() == 1 || phases.heads() == x.shape(2), "rotate: the rotation has ",
          phases.heads(), " heads, the tensor ", x.shape(2));
  const bool group = phases.second_cos().data() == phases.cos().data();
  Require(direction != Direction::kInverse || group,
          "rotate: a rotation with a second frequency has no inverse");
  const DType wanted = x.dtype() == DType::kF64 ? DType::kF64 : DType::kF32;
  Require(phases.dtype() == wanted, "rotate: ", Name(x.dtype()), " needs phases of ", Name(wanted),
          ", got ", Name(phases.dtype()));
}

template <class T>
void RotateToken(const Phases& phases, int64_t batch, int64_t token, ConstTensorView x,
                 TensorView y, Direction direction) {
  using Math = std::conditional_t<std::is_same_v<T, double>, double, float>;
  const auto load = [](T value) -> Math {
    if constexpr (std::is_same_v<T, double>) {
      return value;
    } else {
      return ToFloat(value);
    }
  };
  const auto store = [](Math value) -> T {
    if constexpr (std::is_same_v<T, double>) {
      return value;
    } else {
      return FromFloat<T>(value);
    }
  };
  const int64_t pairs = phases.pairs();
  const int64_t phase_batch = phases.batch() == 1 ? 0 : batch;
  for (int64_t h = 0; h < x.shape(2); ++h) {
    const T* in = x.As<T>() + batch * x.stride(0) + token * x.stride(1) + h * x.stride(2);
    T* out = y.As<T>() + batch * y.stride(0) + token * y.stride(1) + h * y.stride(2);
    if (in != out) std::copy(in, in + x.shape(3), out);
    const int64_t head = phases.heads() == 1 ? 0 : h;
    const int64_t row = ((phase_batch * phases.tokens() + token) * phases.heads() + head) * pairs;
    for (int64_t j = 0; j < pairs; ++j) {
      const Math c1 = phases.cos().As<Math>()[row + j], s1 = phases.sin().As<Math>()[row + j];
      const Math c2 = phases.second_cos().As<Math>()[row + j];
      const Math s2 = phases.second_sin().As<Math>()[row + j];
      const int32_t first = phases.first()[static_cast<size_t>(j)];
      const int32_t second = phases.second()[static_cast<size_t>(j)];
      const Math x1 = load(out[first]), x2 = load(out[second]);
      Math y1 = c1 * x1 - s1 * x2, y2 = c2 * x2 + s2 * x1;
      if (direction != Direction::kForward) {
        y1 = c1 * x1 + s2 * x2;
        y2 = c2 * x2 - s1 * x1;
      }
      if (direction == Direction::kInverse) {
        const Math g2 = c1 * c1 + s1 * s1;
        y1 /= g2;
        y2 /= g2;
      }
      out[first] = store(y1);
      out[second] = store(y2);
    }
  }
}

void RotateChecked(const Phases& phases, ConstTensorView x, TensorView y,
                   const RotateOptions& options) {
  const int64_t tokens = x.shape(1);
  DispatchFloat(x.dtype(), "rotate", [&]<class T>() {
    ParallelFor(x.shape(0) * tokens, options.threads, 16, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        RotateToken<T>(phases, i / tokens, i % tokens, x, y, options.direction);
      }
    });
  });
}

DType PhaseType(DType dtype) { return dtype == DType::kF64 ? DType::kF64 : DType::kF32; }

}  // namespace

void Rotate(const PhaseTable& table, ConstTensorView positions, ConstTensorView x, TensorView y,
            const RotateOptions& options, Side side) {
  const Phases phases(table, positions, PhaseType(x.dtype()), side, 0, options.threads);
  Rotate(phases, x, y, options);
}

void Rotate(const Phases& phases, ConstTensorView x, TensorView y, const RotateOptions& options) {
  const ConstTensorView from = WithBatch(x);
  const TensorView to = WithBatch(y);
  CheckOperands(phases, from, to, options.direction);
  RotateChecked(phases, from, to, options);
}

void RotateQK(const PhaseTable& table, ConstTensorView positions, TensorView q, TensorView k,
              const RotateOptions& options) {
  const Phases query(table, positions, PhaseType(q.dtype()), Side::kQuery, 0, options.threads);
  const Phases key(table, positions, PhaseType(k.dtype()), Side::kKey, 0, options.threads);
  const TensorView q4 = WithBatch(q), k4 = WithBatch(k);
  CheckOperands(query, q4, q4, options.direction);
  CheckOperands(key, k4, k4, options.direction);
  RotateChecked(query, q4, q4, options);
  RotateChecked(key, k4, k4, options);
}

void RotateQK(const Phases& phases, TensorView q, TensorView k, const RotateOptions& options) {
  const TensorView q4 = WithBatch(q), k4 = WithBatch(k);
  CheckOperands(phases, q4, q4, options.direction);
  CheckOperands(phases, k4, k4, options.direction);
  RotateChecked(phases, q4, q4, options);
  RotateChecked(phases, k4, k4, options);
}

}  // namespace rotary
