// The slow, obvious twin of softmax_attention.h: the same operations in double with plain loops,
// one score at a time. It reads the mask on its own, from the words of AttentionMask, and shares
// nothing with the kernels.
#ifndef ROTARY_ATTENTION_SOFTMAX_ATTENTION_REF_H_
#define ROTARY_ATTENTION_SOFTMAX_ATTENTION_REF_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "rotary/attention/softmax_attention.h"
#include "rotary/base/dtype.h"
#include "rotary/base/tensor.h"

namespace rotary::reference {

// The elements of a view of any float dtype and up to four axes, packed, as doubles; and back.
inline int64_t Offset(const Dims& shape, const Dims& strides, int64_t index) {
  int64_t offset = 0;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    offset += index % shape[axis] * strides[axis];
    index /= shape[axis];
  }
  return offset;
}

inline std::vector<double> ToDoubles(ConstTensorView view) {
  std::vector<double> values(static_cast<size_t>(view.count()));
  DispatchFloat(view.dtype(), "ToDoubles", [&]<class T>() {
    const T* data = view.As<T>();
    for (size_t i = 0; i < values.size(); ++i) {
      const T x = data[Offset(view.shape(), view.strides(), static_cast<int64_t>(i))];
      if constexpr (std::is_same_v<T, double>) {
        values[i] = x;
      } else {
        values[i] = ToFloat(x);
      }
    }
  });
  return values;
}

inline void FromDoubles(const std::vector<double>& values, TensorView view) {
  DispatchFloat(view.dtype(), "FromDoubles", [&]<class T>() {
    T* data = view.As<T>();
    for (size_t i = 0; i < values.size(); ++i) {
      T& x = data[Offset(view.shape(), view.strides(), static_cast<int64_t>(i))];
      if constexpr (std::is_same_v<T, double>) {
        x = values[i];
      } else {
        x = FromFloat<T>(static_cast<float>(values[i]));
      }
    }
  });
}

// The axes by name.
struct AttentionSizes {
  AttentionSizes(ConstTensorView q, ConstTensorView k, ConstTensorView v)
      : batch(q.shape(0)),
        queries(q.shape(1)),
        heads(q.shape(2)),
        head_dim(q.shape(3)),
        keys(k.shape(1)),
        kv_heads(k.shape(2)),
        value_dim(v.shape(3)) {}

  int64_t batch, queries, heads, head_dim, keys, kv_heads, value_dim;
};

// [batch, tokens, heads, channels] without gaps.
struct Rows {
  Rows(std::vector<double> v, const Dims& s) : values(std::move(v)), shape(s) {}
  explicit Rows(ConstTensorView view) : Rows(ToDoubles(view), view.shape()) {}
  explicit Rows(const Dims& s) : Rows(std::vector<double>(static_cast<size_t>(s.Count())), s) {}

  double* operator()(int64_t b, int64_t t, int64_t h) {
    return values.data() + ((b * shape[1] + t) * shape[2] + h) * shape[3];
  }
  const double* operator()(int64_t b, int64_t t, int64_t h) const {
    return values.data() + ((b * shape[1] + t) * shape[2] + h) * shape[3];
  }

  std::vector<double> values;
  Dims shape;
};

// The key index that query i stands beside.
inline int64_t Beside(const AttentionMask& mask, const AttentionSizes& n, int64_t i) {
  return mask.alignment == Alignment::kBottomRight ? i + n.keys - n.queries : i;
}

inline bool Exists(const AttentionMask& mask, const AttentionSizes& n, int64_t b, int64_t i,
                   int64_t j) {
  const int64_t d = Beside(mask, n, i);
  if (mask.causal && j > d) return false;
  if (mask.window > 0 && std::abs(d - j) >= mask.window) return false;
  if (!mask.key_lengths.empty() && j >= mask.key_lengths[static_cast<size_t>(b)]) return false;
  if (mask.key_padding.data() != nullptr) {
    const ConstTensorView p = mask.key_padding;
    if (p.As<uint8_t>()[b * p.stride(0) + j * p.stride(1)] == 0) return false;
  }
  if (mask.query_documents.data() != nullptr) {
    const ConstTensorView x = mask.query_documents;
    const ConstTensorView y = mask.key_documents;
    if (x.As<int32_t>()[b * x.stride(0) + i * x.stride(1)] !=
        y.As<int32_t>()[b * y.stride(0) + j * y.stride(1)]) {
      return false;
    }
  }
  return true;
}

inline double Scale(const AttentionSizes& n, const AttentionOptions& options) {
  return options.scale != 0 ? options.scale : 1 / std::sqrt(static_cast<double>(n.head_dim));
}

inline constexpr double kNoScore = -std::numeric_limits<double>::infinity();

// The scores of query i of head h against every key; kNoScore where there is none.
inline std::vector<double> Scores(const Rows& q, const Rows& k, const AttentionSizes& n,
                                  const AttentionOptions& options, int64_t b, int64_t h,
                                  int64_t i) {
  const AttentionMask& mask = options.mask;
  std::vector<double> scores(static_cast<size_t>(n.keys), kNoScore);
  for (int64_t j = 0; j < n.keys; ++j) {
    if (!Exists(mask, n, b, i, j)) continue;
    double dot = 0;
    for (int64_t c = 0; c < n.head_dim; ++c) {
      dot += q(b, i, h)[c] * k(b, j, h * n.kv_heads / n.heads)[c];
    }
    double score = Scale(n, options) * dot;
    if (!mask.alibi_slopes.empty()) {
      score -= static_cast<double>(mask.alibi_slopes[static_cast<size_t>(h)]) *
               static_cast<double>(std::abs(Beside(mask, n, i) - j));
    }
    scores[static_cast<size_t>(j)] = score;
  }
  return scores;
}

// Log of the sum of the exponentials; -infinity of nothing.
inline double LogSumExp(const std::vector<double>& scores) {
  double most = kNoScore;
  for (const double s : scores) most = s > most || std::isnan(s) ? s : most;
  if (most == kNoScore) return most;
  double sum = 0;
  for (const double s : scores) sum += std::exp(s - most);
  return most + std::log(sum);
}

// The probabilities of a row: 0 where there is no score, also in a row without any.
inline std::vector<double> Softmax(std::vector<double> scores) {
  const double norm = LogSumExp(scores);
  for (double& s : scores) s = s == kNoScore ? 0 : std::exp(s - norm);
  return scores;
}

// As rotary::SoftmaxAttention; every tensor may also be f64.
inline void SoftmaxAttention(ConstTensorView q, ConstTensorView k, ConstTensorView v,
                             TensorView out, TensorView lse, const AttentionOptions& options = {}) {
  const AttentionSizes n(q, k, v);
  const Rows q_rows(q), k_rows(k), v_rows(v);
  Rows out_rows(out.shape());
  std::vector<double> lses;
  for (int64_t b = 0; b < n.batch; ++b) {
    for (int64_t h = 0; h < n.heads; ++h) {
      for (int64_t i = 0; i < n.queries; ++i) {
        const std::vector<double> scores = Scores(q_rows, k_rows, n, options, b, h, i);
        lses.push_back(LogSumExp(scores));
        const std::vector<double> p = Softmax(scores);
        for (int64_t j = 0; j < n.keys; ++j) {
          if (p[static_cast<size_t>(j)] == 0) continue;  // a key that does not exist may hold NaN
          for (int64_t c = 0; c < n.value_dim; ++c) {
            out_rows(b, i, h)[c] +=
                p[static_cast<size_t>(j)] * v_rows(b, j, h * n.kv_heads / n.heads)[c];
          }
        }
      }
    }
  }
  FromDoubles(out_rows.values, out);
  if (lse.data() != nullptr) FromDoubles(lses, lse);
}

// As rotary::SoftmaxAttentionBackward, from the inputs alone; every tensor may also be f64.
inline void SoftmaxAttentionBackward(ConstTensorView q, ConstTensorView k, ConstTensorView v,
                                     ConstTensorView d_out, TensorView d_q, TensorView d_k,
                                     TensorView d_v, const AttentionOptions& options = {}) {
  const AttentionSizes n(q, k, v);
  const Rows q_rows(q), k_rows(k), v_rows(v), d_out_rows(d_out);
  Rows d_q_rows(q.shape()), d_k_rows(k.shape()), d_v_rows(v.shape());
  for (int64_t b = 0; b < n.batch; ++b) {
    for (int64_t h = 0; h < n.heads; ++h) {
      const int64_t kv_head = h * n.kv_heads / n.heads;
      for (int64_t i = 0; i < n.queries; ++i) {
        // p = softmax(s);  dp_j = d_out . v_j;  ds_j = p_j (dp_j - sum_n p_n dp_n)
        const std::vector<double> p = Softmax(Scores(q_rows, k_rows, n, options, b, h, i));
        std::vector<double> d_p(p.size(), 0.0);
        double mean = 0;
        for (int64_t j = 0; j < n.keys; ++j) {
          const auto at = static_cast<size_t>(j);
          if (p[at] == 0) continue;
          for (int64_t c = 0; c < n.value_dim; ++c) {
            d_p[at] += d_out_rows(b, i, h)[c] * v_rows(b, j, kv_head)[c];
            d_v_rows(b, j, kv_head)[c] += p[at] * d_out_rows(b, i, h)[c];
          }
          mean += p[at] * d_p[at];
        }
        for (int64_t j = 0; j < n.keys; ++j) {
          const auto at = static_cast<size_t>(j);
          if (p[at] == 0) continue;
          const double d_score = p[at] * (d_p[at] - mean) * Scale(n, options);
          for (int64_t c = 0; c < n.head_dim; ++c) {
            d_q_rows(b, i, h)[c] += d_score * k_rows(b, j, kv_head)[c];
            d_k_rows(b, j, kv_head)[c] += d_score * q_rows(b, i, h)[c];
          }
        }
      }
    }
  }
  FromDoubles(d_q_rows.values, d_q);
  FromDoubles(d_k_rows.values, d_k);
  FromDoubles(d_v_rows.values, d_v);
}

}  // namespace rotary::reference

#endif  // ROTARY_ATTENTION_SOFTMAX_ATTENTION_REF_H_
