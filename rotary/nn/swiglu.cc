#include "rotary/nn/swiglu.h"

#include "rotary/nn/row_ranges.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/nn/swiglu.cc"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "rotary/nn/columns-inl.h"
#include "rotary/nn/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {

void SwiGluRows(Matrix<const float> gate, Matrix<const float> up, Matrix<float> y) {
  for (int64_t i = 0; i < y.rows; ++i) {
    const float* gate_row = gate.Row(i);
    const float* up_row = up.Row(i);
    float* out = y.Row(i);
    ForColumns(y.cols, [&](auto d, int64_t j) HWY_ATTR {
      const auto g = hn::LoadU(d, gate_row + j);
      const auto silu = hn::Mul(g, Sigmoid(d, g));
      hn::StoreU(hn::Mul(silu, hn::LoadU(d, up_row + j)), d, out + j);
    });
  }
}

void SwiGluTrainingRows(Matrix<float> gate, Matrix<float> up, Matrix<float> y) {
  for (int64_t i = 0; i < y.rows; ++i) {
    float* gate_row = gate.Row(i);
    float* up_row = up.Row(i);
    float* out = y.Row(i);
    ForColumns(y.cols, [&](auto d, int64_t j) HWY_ATTR {
      const auto g = hn::LoadU(d, gate_row + j);
      const auto u = hn::LoadU(d, up_row + j);
      const auto sigmoid = Sigmoid(d, g);
      const auto silu = hn::Mul(g, sigmoid);
      // silu'(g) = sigmoid + silu (1 - sigmoid)
      const auto slope = hn::MulAdd(silu, hn::Sub(hn::Set(d, 1.0f), sigmoid), sigmoid);
      hn::StoreU(hn::Mul(silu, u), d, out + j);
      hn::StoreU(hn::Mul(slope, u), d, gate_row + j);
      hn::StoreU(silu, d, up_row + j);
    });
  }
}

void SwiGluBackwardRows(Matrix<const float> gate_slope, Matrix<const float> up_slope,
                        Matrix<const float> d_y, Matrix<float> d_gate, Matrix<float> d_up) {
  for (int64_t i = 0; i < d_y.rows; ++i) {
    const float* d_out = d_y.Row(i);
    const float* by_gate = gate_slope.Row(i);
    const float* by_up = up_slope.Row(i);
    float* gate_row = d_gate.Row(i);
    float* up_row = d_up.Row(i);
    ForColumns(d_y.cols, [&](auto d, int64_t j) HWY_ATTR {
      const auto gradient = hn::LoadU(d, d_out + j);
      hn::StoreU(hn::Mul(gradient, hn::LoadU(d, by_gate + j)), d, gate_row + j);
      hn::StoreU(hn::Mul(gradient, hn::LoadU(d, by_up + j)), d, up_row + j);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {

HWY_EXPORT(SwiGluRows);
HWY_EXPORT(SwiGluTrainingRows);
HWY_EXPORT(SwiGluBackwardRows);

void SwiGlu(Matrix<const float> gate, Matrix<const float> up, Matrix<float> y, int threads) {
  RequireShape(up, gate.rows, gate.cols, "SwiGlu", "up");
  RequireShape(y, gate.rows, gate.cols, "SwiGlu", "y");
  ForRows(y.rows, y.cols, threads, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(SwiGluRows)
    (gate.Rows(begin, end), up.Rows(begin, end), y.Rows(begin, end));
  });
}

void SwiGluTraining(Matrix<float> gate, Matrix<float> up, Matrix<float> y, int threads) {
  RequireShape(up, gate.rows, gate.cols, "SwiGluTraining", "up");
  RequireShape(y, gate.rows, gate.cols, "SwiGluTraining", "y");
  ForRows(y.rows, y.cols, threads, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(SwiGluTrainingRows)
    (gate.Rows(begin, end), up.Rows(begin, end), y.Rows(begin, end));
  });
}

void SwiGluBackward(Matrix<const float> gate_slope, Matrix<const float> up_slope,
                    Matrix<const float> d_y, Matrix<float> d_gate, Matrix<float> d_up,
                    int threads) {
  RequireShape(gate_slope, d_y.rows, d_y.cols, "SwiGluBackward", "gate_slope");
  RequireShape(up_slope, d_y.rows, d_y.cols, "SwiGluBackward", "up_slope");
  RequireShape(d_gate, d_y.rows, d_y.cols, "SwiGluBackward", "d_gate");
  RequireShape(d_up, d_y.rows, d_y.cols, "SwiGluBackward", "d_up");
  ForRows(d_y.rows, d_y.cols, threads, [&](int64_t begin, int64_t end) {
    HWY_DYNAMIC_DISPATCH(SwiGluBackwardRows)
    (gate_slope.Rows(begin, end), up_slope.Rows(begin, end), d_y.Rows(begin, end),
     d_gate.Rows(begin, end), d_up.Rows(begin, end));
  });
}

}  // namespace rotary
#endif  // HWY_ONCE
