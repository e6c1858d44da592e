// The slow, obvious twin of linear_attention.h: double, packed arrays, the weights one by one.
#ifndef ROTARY_ATTENTION_LINEAR_ATTENTION_REF_H_
#define ROTARY_ATTENTION_LINEAR_ATTENTION_REF_H_

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace rotary::reference {

struct LinearAttentionShape {
  int64_t batch, queries, keys, heads, kv_heads, features, value_dim;
};

// [batch, tokens, heads, channels] without gaps, as in linear_attention.h.
struct LinearAttentionInputs {
  std::vector<double> q, k, rotated_q, rotated_k, v;
};

// Whether query m of batch row b sees key n.
using Sees = std::function<bool(int64_t b, int64_t m, int64_t n)>;

// Calls body(b, h, m, query row, the numerator's and the denominator's products with each key) for
// every query. A key that is not seen has 0 in both.
template <class Body>
void ForEachQuery(const LinearAttentionShape& s, const LinearAttentionInputs& x, const Sees& sees,
                  double epsilon, const Body& body) {
  const int64_t r = s.features;
  std::vector<double> numerator(static_cast<size_t>(s.keys)), denominator(numerator);
  for (int64_t b = 0; b < s.batch; ++b) {
    for (int64_t h = 0; h < s.heads; ++h) {
      for (int64_t m = 0; m < s.queries; ++m) {
        const int64_t query = (b * s.queries + m) * s.heads + h;
        for (int64_t n = 0; n < s.keys; ++n) {
          const int64_t key = (b * s.keys + n) * s.kv_heads + h * s.kv_heads / s.heads;
          double rotated = 0, plain = 0, sum_q = 0, sum_k = 0;
          if (sees(b, m, n)) {
            for (int64_t a = 0; a < r; ++a) {
              rotated += x.rotated_q[query * r + a] * x.rotated_k[key * r + a];
              plain += x.q[query * r + a] * x.k[key * r + a];
              sum_q += x.q[query * r + a];
              sum_k += x.k[key * r + a];
            }
          }
          numerator[n] = rotated;
          denominator[n] = plain + epsilon / static_cast<double>(r) * sum_q * sum_k;
        }
        body(b, h, m, query, numerator, denominator);
      }
    }
  }
}

inline double Sum(const std::vector<double>& x) {
  double sum = 0;
  for (const double value : x) sum += value;
  return sum;
}

// [batch, queries, heads, value_dim]
inline std::vector<double> LinearAttention(const LinearAttentionShape& s,
                                           const LinearAttentionInputs& x, const Sees& sees,
                                           double epsilon) {
  std::vector<double> out(static_cast<size_t>(s.batch * s.queries * s.heads * s.value_dim));
  ForEachQuery(s, x, sees, epsilon,
               [&](int64_t b, int64_t h, int64_t, int64_t query,
                   const std::vector<double>& numerator, const std::vector<double>& denominator) {
                 const double total = Sum(denominator);
                 if (total == 0) return;
                 for (int64_t n = 0; n < s.keys; ++n) {
                   if (numerator[n] == 0) continue;
                   const int64_t key = (b * s.keys + n) * s.kv_heads + h * s.kv_heads / s.heads;
                   for (int64_t j = 0; j < s.value_dim; ++j) {
                     out[query * s.value_dim + j] +=
                         numerator[n] / total * x.v[key * s.value_dim + j];
                   }
                 }
               });
  return out;
}

// The gradients, in the shapes of the inputs.
inline LinearAttentionInputs LinearAttentionBackward(const LinearAttentionShape& s,
                                                     const LinearAttentionInputs& x,
                                                     const std::vector<double>& d_out,
                                                     const Sees& sees, double epsilon) {
  const int64_t r = s.features;
  const auto zeros = [](const std::vector<double>& like) {
    return std::vector<double>(like.size());
  };
  LinearAttentionInputs d{zeros(x.q), zeros(x.k), zeros(x.rotated_q), zeros(x.rotated_k),
                          zeros(x.v)};
  ForEachQuery(s, x, sees, epsilon,
               [&](int64_t b, int64_t h, int64_t m, int64_t query,
                   const std::vector<double>& numerator, const std::vector<double>& denominator) {
                 const double total = Sum(denominator);
                 if (total == 0) return;
                 // With w_n = numerator_n / total: by each w_n first, and sum_n w_n dL/dw_n for the
                 // total.
                 std::vector<double> d_weight(static_cast<size_t>(s.keys));
                 double mean = 0;
                 for (int64_t n = 0; n < s.keys; ++n) {
                   if (!sees(b, m, n)) continue;
                   const int64_t key = (b * s.keys + n) * s.kv_heads + h * s.kv_heads / s.heads;
                   for (int64_t j = 0; j < s.value_dim; ++j) {
                     d_weight[n] += d_out[query * s.value_dim + j] * x.v[key * s.value_dim + j];
                     d.v[key * s.value_dim + j] +=
                         numerator[n] / total * d_out[query * s.value_dim + j];
                   }
                   mean += numerator[n] / total * d_weight[n];
                 }
                 for (int64_t n = 0; n < s.keys; ++n) {
                   if (!sees(b, m, n)) continue;
                   const int64_t key = (b * s.keys + n) * s.kv_heads + h * s.kv_heads / s.heads;
                   double sum_q = 0, sum_k = 0;
                   for (int64_t a = 0; a < r; ++a) {
                     sum_q += x.q[query * r + a];
                     sum_k += x.k[key * r + a];
                   }
                   const double share = epsilon / static_cast<double>(r);
                   for (int64_t a = 0; a < r; ++a) {
                     d.rotated_q[query * r + a] += d_weight[n] / total * x.rotated_k[key * r + a];
                     d.rotated_k[key * r + a] += d_weight[n] / total * x.rotated_q[query * r + a];
                     d.q[query * r + a] -= mean / total * (x.k[key * r + a] + share * sum_k);
                     d.k[key * r + a] -= mean / total * (x.q[query * r + a] + share * sum_q);
                   }
                 }
               });
  return d;
}

}  // namespace rotary::reference

#endif  // ROTARY_ATTENTION_LINEAR_ATTENTION_REF_H_
