#include "rotary/nn/swiglu.h"

#include <cmath>

#include "rotary/base/parallel.h"

namespace rotary {

void SwiGlu(Matrix<const float> gate, Matrix<const float> up, Matrix<float> y, int threads) {
  RequireShape(up, gate.rows, gate.cols, "SwiGlu", "up");
  RequireShape(y, gate.rows, gate.cols, "SwiGlu", "y");
  ParallelFor(y.rows, threads, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t j = 0; j < y.cols; ++j) {
        y.Row(i)[j] = gate.Row(i)[j] / (1 + std::exp(-gate.Row(i)[j])) * up.Row(i)[j];
      }
    }
  });
}

void SwiGluTraining(Matrix<float> gate, Matrix<float> up, Matrix<float> y, int threads) {
  RequireShape(up, gate.rows, gate.cols, "SwiGluTraining", "up");
  RequireShape(y, gate.rows, gate.cols, "SwiGluTraining", "y");
  ParallelFor(y.rows, threads, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t j = 0; j < y.cols; ++j) {
        const float g = gate.Row(i)[j], u = up.Row(i)[j];
        const float sigmoid = 1 / (1 + std::exp(-g));
        y.Row(i)[j] = g * sigmoid * u;
        gate.Row(i)[j] = u * sigmoid * (1 + g * (1 - sigmoid));
        up.Row(i)[j] = g * sigmoid;
      }
    }
  });
}

void SwiGluBackward(Matrix<const float> gate_slope, Matrix<const float> up_slope,
                    Matrix<const float> d_y, Matrix<float> d_gate, Matrix<float> d_up,
                    int threads) {
  RequireShape(d_gate, d_y.rows, d_y.cols, "SwiGluBackward", "d_gate");
  RequireShape(d_up, d_y.rows, d_y.cols, "SwiGluBackward", "d_up");
  ParallelFor(d_y.rows, threads, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t j = 0; j < d_y.cols; ++j) {
        const float d = d_y.Row(i)[j];
        d_gate.Row(i)[j] = d * gate_slope.Row(i)[j];
        d_up.Row(i)[j] = d * up_slope.Row(i)[j];
      }
    }
  });
}

}  // namespace rotary
