#include "rotary/attention/linear_attention_kernel.h"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <utility>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rotary/attention/linear_attention_kernel.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "rotary/attention/head_rows.h"
#include "rotary/attention/padded_rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rotary {
namespace HWY_NAMESPACE {
namespace {

using linear::Gradients;
using linear::kChunk;
using linear::Problem;
using linear::Scratch;

// One head of keys with the query heads that read it. A chunk is `rows_` tokens from a first one:
// keys, or the queries beside them, or queries alone. Rows without a token and absent keys are 0.
class Head {
 public:
  Head(const Problem& problem, int64_t batch, int64_t kv_head, Scratch& scratch)
      : p_(problem), s_(scratch), batch_(batch), kv_head_(kv_head), r_(scratch.r), v_(scratch.v) {}

  void Forward(TensorView out) {
    std::fill_n(s_.state, r_ * v_, 0.0f);
    std::fill_n(s_.key_sum, r_, 0.0f);
    for (int64_t first = 0; first < p_.keys(); first += kChunk) {
      PackKeys(first);
      SumKeys(first);
      if (p_.causal) ForwardQueries(first - Offset(), out);
      // state += rotated_k^T values
      Product(r_, rows_, v_, {s_.rotated_k, 1, r_}, s_.values, v_, s_.state, v_, true);
    }
    if (p_.causal) return;
    WithFloor(s_.key_sum, s_.prefix);
    for (int64_t first = 0; first < p_.queries(); first += kChunk) {
      SetRows(p_.queries() - first);
      ForwardQueries(first, out);
    }
  }

  void Backward(const Gradients& g) {
    std::fill_n(s_.state, r_ * v_, 0.0f);
    std::fill_n(s_.key_sum, r_, 0.0f);
    std::fill_n(s_.reverse, r_ * v_, 0.0f);
    std::fill_n(s_.query_sum, r_, 0.0f);
    for (int64_t first = 0; first < p_.keys(); first += kChunk) {
      PackKeys(first);
      SumKeys(first);
      if (p_.causal) QueryGradients(first - Offset(), g);
      // state += values^T rotated_k
      Product(v_, rows_, r_, {s_.values, 1, v_}, s_.rotated_k, r_, s_.state, r_, true);
    }
    if (!p_.causal) {
      WithFloor(s_.key_sum, s_.prefix);
      for (int64_t first = 0; first < p_.queries(); first += kChunk) {
        SetRows(p_.queries() - first);
        QueryGradients(first, g);
        AddQueries(first, g);
      }
    }
    ahead_ = -kChunk;
    for (int64_t first = (p_.keys() - 1) / kChunk * kChunk; first >= 0; first -= kChunk) {
      PackKeys(first);
      // What later queries say of these keys; then, in AddQueries, the queries beside them.
      Transpose(v_, r_, s_.reverse, r_, s_.reverse_columns, v_);
      Product(rows_, v_, r_, {s_.values, v_, 1}, s_.reverse, r_, s_.d_rotated_k, r_, false);
      Product(rows_, r_, v_, {s_.rotated_k, r_, 1}, s_.reverse_columns, v_, s_.d_v, v_, false);
      if (p_.causal) AddQueries(first - Offset(), g);
      WriteKeyGradients(first, g);
    }
  }

 private:
  // Query m stands beside key m + Offset().
  int64_t Offset() const { return p_.keys() - p_.queries(); }

  bool KeyExists(int64_t key) const {
    if (key >= p_.keys()) return false;
    if (!p_.key_lengths.empty() && key >= p_.key_lengths[static_cast<size_t>(batch_)]) return false;
    const ConstTensorView& padding = p_.key_padding;
    return padding.data() == nullptr ||
           static_cast<const uint8_t*>(
               padding.data())[batch_ * padding.stride(0) + key * padding.stride(1)] != 0;
  }

  void SetRows(int64_t tokens_left) {
    const int64_t rows = std::min(tokens_left, kChunk);
    rows_ = (rows + 3) / 4 * 4;
  }

  void PackRow(const ConstTensorView& x, int64_t token, int64_t head, bool exists, float* to,
               int64_t padded) const {
    if (exists) {
      ReadRow(x, batch_, token, head, ahead_, to, padded);
    } else {
      std::fill_n(to, padded, 0.0f);
    }
  }

  void Write(const float* from, const TensorView& x, int64_t token, int64_t head) const {
    WriteRow(from, x, batch_, token, head);
  }

  // to = sum + floor * (the sum of its features): what a query's features are multiplied with.
  void WithFloor(const float* sum, float* to) const {
    AddNumber(p_.floor * Sum(sum, r_), sum, to, r_);
  }

  // Brings a chunk of keys into the scratch.
  void PackKeys(int64_t first) {
    SetRows(p_.keys() - first);
    for (int64_t i = 0; i < rows_; ++i) {
      const int64_t key = first + i;
      const bool exists = KeyExists(key);
      PackRow(p_.rotated_k, key, kv_head_, exists, s_.rotated_k + i * r_, r_);
      PackRow(p_.v, key, kv_head_, exists, s_.values + i * v_, v_);
    }
    if (!p_.causal) return;
    Transpose(rows_, r_, s_.rotated_k, r_, s_.rotated_k_columns, kChunk);
    if (s_.values_columns != nullptr) {
      Transpose(rows_, v_, s_.values, v_, s_.values_columns, kChunk);
    }
  }

  // Adds the same chunk of k to key_sum and leaves the sums on the way, floor included, in prefix.
  void SumKeys(int64_t first) {
    for (int64_t i = 0; i < rows_; ++i) {
      const int64_t key = first + i;
      PackRow(p_.k, key, kv_head_, KeyExists(key), s_.prefix + i * r_, r_);
    }
    RunningSum(s_.prefix, s_.key_sum, /*backwards=*/false);
    if (!p_.causal) return;
    for (int64_t i = 0; i < rows_; ++i) WithFloor(s_.prefix + i * r_, s_.prefix + i * r_);
  }

  // rows[i] = base + rows[0] + .. + rows[i] (or from the last one), base = the outermost of them.
  // The chunk is summed apart from the base, so that the error grows with the chunks and not the
  // tokens.
  void RunningSum(float* rows, float* base, bool backwards) const {
    const F32 d;
    for (int64_t a = 0; a < r_; a += kLanes) {
      const auto start = hn::Load(d, base + a);
      auto sum = hn::Zero(d);
      for (int64_t i = 0; i < rows_; ++i) {
        float* at = rows + (backwards ? rows_ - 1 - i : i) * r_ + a;
        sum = hn::Add(sum, hn::Load(d, at));
        hn::Store(hn::Add(start, sum), d, at);
      }
      hn::Store(hn::Add(start, sum), d, base + a);
    }
  }

  bool QueryExists(int64_t first, int64_t i) const {
    const int64_t query = first + i;
    return query >= 0 && query < p_.queries();
  }

  bool AnyQuery(int64_t first) const { return first + rows_ > 0 && first < p_.queries(); }

  void PackQueries(int64_t first, int64_t head, ConstTensorView x, float* to,
                   int64_t padded) const {
    for (int64_t i = 0; i < rows_; ++i) {
      PackRow(x, first + i, head, QueryExists(first, i), to + i * padded, padded);
    }
  }

  // scores[i, j] = a_i . b_j for j <= i, else 0, with b given by columns.
  void CausalScores(const float* a, int64_t depth, const float* b_columns) const {
    BlockProduct(
        {a, depth, 1}, b_columns, kChunk, rows_, rows_, false, s_.scores, kChunk,
        [](int64_t row, int64_t count) {
          return Range{0, row + count};
        },
        [depth](int64_t, int64_t) {
          return Range{0, depth};
        });
    for (int64_t i = 0; i < rows_; ++i) {
      std::fill(s_.scores + i * kChunk + i + 1, s_.scores + i * kChunk + rows_, 0.0f);
    }
  }

  // to[i] += sum over j <= i of scores[i, j] x[j]
  void AddScored(const float* x, float* to, int64_t channels) const {
    BlockProduct(
        {s_.scores, kChunk, 1}, x, channels, rows_, channels, true, to, channels,
        [channels](int64_t, int64_t) {
          return Range{0, channels};
        },
        [](int64_t row, int64_t count) {
          return Range{0, row + count};
        });
  }

  // to[j] += sum over i >= j of scores[i, j] x[i]
  void AddScoredTransposed(const float* x, float* to, int64_t channels) const {
    BlockProduct(
        {s_.scores, 1, kChunk}, x, channels, rows_, channels, true, to, channels,
        [channels](int64_t, int64_t) {
          return Range{0, channels};
        },
        [this](int64_t row, int64_t) {
          return Range{row, rows_};
        });
  }

  // The sums over k that query row `i` sees, floor included.
  const float* Prefix(int64_t i) const { return s_.prefix + (p_.causal ? i * r_ : 0); }

  // 1 / denominator, or 0 where the query has nothing in common with any key.
  float InverseDenominator(int64_t i) const {
    const float denominator = Dot(s_.q + i * r_, Prefix(i), r_);
    return denominator >= std::numeric_limits<float>::min() ? 1 / denominator : 0;
  }

  void ForwardQueries(int64_t first, TensorView out) {
    if (!AnyQuery(first)) return;
    for (int64_t head = kv_head_ * p_.group(); head < (kv_head_ + 1) * p_.group(); ++head) {
      PackQueries(first, head, p_.q, s_.q, r_);
      PackQueries(first, head, p_.rotated_q, s_.rotated_q, r_);
      Product(rows_, r_, v_, {s_.rotated_q, r_, 1}, s_.state, v_, s_.out, v_, false);
      if (p_.causal) {
        CausalScores(s_.rotated_q, r_, s_.rotated_k_columns);
        AddScored(s_.values, s_.out, v_);
      }
      for (int64_t i = 0; i < rows_; ++i) {
        if (!QueryExists(first, i)) continue;
        float* row = s_.out + i * v_;
        Scale(InverseDenominator(i), row, row, v_);
        Write(row, out, first + i, head);
      }
    }
  }

  float* Denominators(int64_t head, int64_t query) const {
    return s_.denominators + ((head - kv_head_ * p_.group()) * p_.queries() + query) * 2;
  }

  // d_rotated_q = state d_out / denominator; and through out = numerator / denominator
  // d_denominator = -d_out . numerator / denominator^2 = -rotated_q . (state d_out) /
  // denominator^2.
  void QueryGradients(int64_t first, const Gradients& g) {
    if (!AnyQuery(first)) return;
    for (int64_t head = kv_head_ * p_.group(); head < (kv_head_ + 1) * p_.group(); ++head) {
      PackQueries(first, head, p_.q, s_.q, r_);
      PackQueries(first, head, p_.rotated_q, s_.rotated_q, r_);
      PackQueries(first, head, g.d_out, s_.d_out, v_);
      Product(rows_, v_, r_, {s_.d_out, v_, 1}, s_.state, r_, s_.d_rotated_q, r_, false);
      if (p_.causal) {
        CausalScores(s_.d_out, v_, s_.values_columns);
        AddScored(s_.rotated_k, s_.d_rotated_q, r_);
      }
      for (int64_t i = 0; i < rows_; ++i) {
        if (!QueryExists(first, i)) continue;
        const int64_t query = first + i;
        float* d_rotated_q = s_.d_rotated_q + i * r_;
        const float inverse = InverseDenominator(i);
        Scale(inverse, d_rotated_q, d_rotated_q, r_);
        const float d_denominator = -Dot(s_.rotated_q + i * r_, d_rotated_q, r_) * inverse;
        Write(d_rotated_q, g.d_rotated_q, query, head);
        float* d_q = d_rotated_q;  // written, so its row is free
        Scale(d_denominator, Prefix(i), d_q, r_);
        Write(d_q, g.d_q, query, head);
        Denominators(head, query)[0] = inverse;
        Denominators(head, query)[1] = d_denominator;
      }
    }
  }

  // Adds a chunk of queries to the sums over queries, and in the causal case to the gradients of
  // the keys beside them: d_v, d_rotated_k, and (as summands only) d_k.
  void AddQueries(int64_t first, const Gradients& g) {
    std::fill_n(s_.d_k, rows_ * r_, 0.0f);
    if (!AnyQuery(first)) return;
    for (int64_t head = kv_head_ * p_.group(); head < (kv_head_ + 1) * p_.group(); ++head) {
      PackQueries(first, head, p_.q, s_.q, r_);
      PackQueries(first, head, p_.rotated_q, s_.rotated_q, r_);
      PackQueries(first, head, g.d_out, s_.d_out, v_);
      for (int64_t i = 0; i < rows_; ++i) {
        if (!QueryExists(first, i)) continue;
        const float* denominators = Denominators(head, first + i);
        Scale(denominators[0], s_.d_out + i * v_, s_.d_out + i * v_, v_);
        AddScaled(denominators[1], s_.q + i * r_, s_.d_k + i * r_, r_);
      }
      if (p_.causal) {
        CausalScores(s_.rotated_q, r_, s_.rotated_k_columns);
        AddScoredTransposed(s_.d_out, s_.d_v, v_);
        CausalScores(s_.d_out, v_, s_.values_columns);
        AddScoredTransposed(s_.rotated_q, s_.d_rotated_k, r_);
      }
      // reverse += d_out^T rotated_q
      Product(v_, rows_, r_, {s_.d_out, 1, v_}, s_.rotated_q, r_, s_.reverse, r_, true);
    }
    if (!p_.causal) RunningSum(s_.d_k, s_.query_sum, /*backwards=*/true);
  }

  void WriteKeyGradients(int64_t first, const Gradients& g) {
    if (p_.causal) {
      RunningSum(s_.d_k, s_.query_sum, /*backwards=*/true);
    } else {
      for (int64_t i = 0; i < rows_; ++i) std::copy_n(s_.query_sum, r_, s_.d_k + i * r_);
    }
    for (int64_t i = 0; i < rows_; ++i) {
      const int64_t key = first + i;
      if (key >= p_.keys()) break;
      float* d_k = s_.d_k + i * r_;
      float* d_rotated_k = s_.d_rotated_k + i * r_;
      float* d_v = s_.d_v + i * v_;
      if (KeyExists(key)) {
        WithFloor(d_k, d_k);
      } else {
        std::fill_n(d_k, r_, 0.0f);
        std::fill_n(d_rotated_k, r_, 0.0f);
        std::fill_n(d_v, v_, 0.0f);
      }
      Write(d_k, g.d_k, key, kv_head_);
      Write(d_rotated_k, g.d_rotated_k, key, kv_head_);
      Write(d_v, g.d_v, key, kv_head_);
    }
  }

  const Problem& p_;
  Scratch& s_;
  const int64_t batch_, kv_head_;
  const int64_t r_, v_;     // padded
  int64_t ahead_ = kChunk;  // where the next chunk lies
  int64_t rows_ = 0;        // of the chunk, a multiple of 4
};

void ForwardHead(const Problem& problem, int64_t batch, int64_t kv_head, Scratch& scratch,
                 TensorView out) {
  Head(problem, batch, kv_head, scratch).Forward(out);
}

void BackwardHead(const Problem& problem, int64_t batch, int64_t kv_head, Scratch& scratch,
                  const Gradients& gradients) {
  Head(problem, batch, kv_head, scratch).Backward(gradients);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace rotary
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rotary {

HWY_EXPORT(ForwardHead);
HWY_EXPORT(BackwardHead);

namespace linear {
namespace {

// Whole blocks of 16, and never none: an empty product would leave its result as it was.
int64_t Padded(int64_t channels) { return (std::max<int64_t>(channels, 1) + 15) / 16 * 16; }

}  // namespace

Scratch::Scratch(const Problem& problem, bool gradient)
    : r(Padded(problem.q.shape(3))), v(Padded(problem.v.shape(3))) {
  using Part = std::pair<float**, int64_t>;
  const std::initializer_list<Part> forward = {
      {&q, kChunk * r},           {&rotated_q, kChunk * r}, {&rotated_k, kChunk * r},
      {&prefix, kChunk * r},      {&values, kChunk * v},    {&rotated_k_columns, r * kChunk},
      {&scores, kChunk * kChunk}, {&state, r * v},          {&key_sum, r}};
  const std::initializer_list<Part> only_forward = {{&out, kChunk * v}};
  const std::initializer_list<Part> only_gradient = {
      {&values_columns, v * kChunk},
      {&d_out, kChunk * v},
      {&d_rotated_q, kChunk * r},
      {&d_rotated_k, kChunk * r},
      {&d_k, kChunk * r},
      {&d_v, kChunk * v},
      {&reverse, v * r},
      {&reverse_columns, r * v},
      {&query_sum, r},
      {&denominators, problem.group() * problem.queries() * 2}};
  int64_t total = 0;
  for (const auto* parts : {&forward, gradient ? &only_gradient : &only_forward}) {
    for (const auto& [pointer, count] : *parts) total += count;
  }
  memory_ = Tensor(DType::kF32, {total});
  float* next = memory_.data<float>();
  for (const auto* parts : {&forward, gradient ? &only_gradient : &only_forward}) {
    for (const auto& [pointer, count] : *parts) {
      *pointer = next;
      next += count;
    }
  }
}

void Forward(const Problem& problem, int64_t batch, int64_t kv_head, Scratch& scratch,
             TensorView out) {
  HWY_DYNAMIC_DISPATCH(ForwardHead)(problem, batch, kv_head, scratch, out);
}

void Backward(const Problem& problem, int64_t batch, int64_t kv_head, Scratch& scratch,
              const Gradients& gradients) {
  HWY_DYNAMIC_DISPATCH(BackwardHead)(problem, batch, kv_head, scratch, gradients);
}

}  // namespace linear
}  // namespace rotary
#endif  // HWY_ONCE
