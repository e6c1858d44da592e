// One call of softmax attention as the tests make it: random tensors in any dtype and layout, a
// mask that owns its arrays, the kernel's results and the twin's.
#ifndef ROTARY_ATTENTION_ATTENTION_TEST_UTIL_H_
#define ROTARY_ATTENTION_ATTENTION_TEST_UTIL_H_

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "rotary/attention/softmax_attention.h"
#include "rotary/attention/softmax_attention_ref.h"
#include "rotary/base/dtype.h"
#include "rotary/base/random.h"
#include "rotary/base/tensor.h"

namespace rotary {

// How [batch, tokens, heads, channels] lies in memory.
enum class Memory {
  kPacked,
  kHeadMajor,  // [batch, heads, tokens, channels]
  kFused,      // heads 1 .. of a wider [batch, tokens, heads + 3, channels], like q, k, v of one
               // product
  kUnaligned,  // one element past an aligned address, rows with a gap of one element
  kBackwards,  // tokens from the last to the first
};

// A view and the memory of exactly the size it needs. What is not in the view is NaN (0xff bytes).
class TestBuffer {
 public:
  TestBuffer(DType dtype, Dims shape, Memory memory) {
    const int64_t b = shape[0], t = shape[1], h = shape[2], c = shape[3];
    Dims strides = shape.PackedStrides();
    int64_t offset = 0, count = shape.Count();
    if (memory == Memory::kHeadMajor) strides = {h * t * c, c, t * c, 1};
    if (memory == Memory::kFused) {
      strides = {t * (h + 3) * c, (h + 3) * c, c, 1};
      offset = c;
      count = b * t * (h + 3) * c;
    }
    if (memory == Memory::kUnaligned) {
      strides = {t * h * (c + 1), h * (c + 1), c + 1, 1};
      offset = 1;
      count = b * t * h * (c + 1);  // the last gap makes room for the offset
    }
    if (memory == Memory::kBackwards) {
      strides[1] = -strides[1];
      offset = (t - 1) * h * c;
    }
    bytes_ = static_cast<size_t>(count) * SizeOf(dtype);
    memory_ = AllocateAligned(bytes_);
    std::memset(memory_.get(), 0xff, bytes_);
    view_ =
        TensorView(memory_.get() + (count == 0 ? 0 : offset) * static_cast<int64_t>(SizeOf(dtype)),
                   dtype, shape, strides);
  }

  TensorView view() const { return view_; }
  size_t bytes() const { return bytes_; }
  const std::byte* memory() const { return memory_.get(); }

  void FillNormal(uint64_t stream) {
    std::vector<double> values(static_cast<size_t>(view_.count()));
    const Random random(11, stream);
    for (size_t i = 0; i < values.size(); ++i) values[i] = random.Normal(i);
    reference::FromDoubles(values, view_);
  }
  // Whether everything outside of the view is still 0xff.
  bool GapsUntouched() const {
    const int64_t count = view_.count();
    std::vector<std::byte> bytes(memory_.get(), memory_.get() + bytes_);
    const auto size = static_cast<int64_t>(SizeOf(view_.dtype()));
    const int64_t start = (static_cast<const std::byte*>(view_.data()) - memory_.get()) / size;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t at = start + reference::Offset(view_.shape(), view_.strides(), i);
      std::fill_n(bytes.begin() + at * size, size, std::byte{0xff});
    }
    for (const std::byte x : bytes) {
      if (x != std::byte{0xff}) return false;
    }
    return true;
  }

 private:
  size_t bytes_ = 0;
  AlignedBytes memory_;
  TensorView view_;
};

// The sizes and the kind of a call; a test changes one thing at a time.
struct AttentionCase {
  std::string name;
  int64_t batch = 2, queries = 37, keys = 37, heads = 4, kv_heads = 2, head_dim = 32,
          value_dim = 32;
  DType dtype = DType::kF32;
  Memory memory = Memory::kPacked;
  double scale = 0;
  bool causal = false;
  Alignment alignment = Alignment::kBottomRight;
  int64_t window = 0;
  std::vector<int32_t> key_lengths = {};
  // Empty, or whether key j of batch row b exists.
  std::function<bool(int64_t b, int64_t j)> key_exists = {};
  // Empty, or the document of token t of batch row b; queries take those of the last keys.
  std::function<int32_t(int64_t b, int64_t t)> document = {};
  bool alibi = false;
};

// The call itself: inputs made, outputs as the kernels left them.
class AttentionRun {
 public:
  explicit AttentionRun(const AttentionCase& c)
      : q(c.dtype, {c.batch, c.queries, c.heads, c.head_dim}, c.memory),
        k(c.dtype, {c.batch, c.keys, c.kv_heads, c.head_dim}, c.memory),
        v(c.dtype, {c.batch, c.keys, c.kv_heads, c.value_dim}, c.memory),
        d_out(c.dtype, {c.batch, c.queries, c.heads, c.value_dim}, c.memory),
        out(c.dtype, d_out.view().shape(), c.memory),
        d_q(c.dtype, q.view().shape(), c.memory),
        d_k(c.dtype, k.view().shape(), c.memory),
        d_v(c.dtype, v.view().shape(), c.memory),
        lse(DType::kF32, {c.batch, c.heads, c.queries}),
        case_(c),
        padding_(DType::kU8, {c.batch, c.keys}),
        query_documents_(DType::kI32, {c.batch, c.queries}),
        key_documents_(DType::kI32, {c.batch, c.keys}) {
    q.FillNormal(1);
    k.FillNormal(2);
    v.FillNormal(3);
    d_out.FillNormal(4);
    AttentionMask& mask = options.mask;
    options.threads = 1;
    options.scale = c.scale;
    mask.causal = c.causal;
    mask.alignment = c.alignment;
    mask.window = c.window;
    mask.key_lengths = case_.key_lengths;
    if (c.alibi) slopes_ = AlibiSlopes(static_cast<int>(c.heads));
    mask.alibi_slopes = slopes_;
    if (c.key_exists) {
      uint8_t* exists = padding_.data<uint8_t>();
      for (int64_t b = 0; b < c.batch; ++b) {
        for (int64_t j = 0; j < c.keys; ++j) *exists++ = c.key_exists(b, j) ? 1 : 0;
      }
      mask.key_padding = padding_.view();
    }
    if (c.document) {
      int32_t* of_queries = query_documents_.data<int32_t>();
      int32_t* of_keys = key_documents_.data<int32_t>();
      for (int64_t b = 0; b < c.batch; ++b) {
        for (int64_t j = 0; j < c.keys; ++j) *of_keys++ = c.document(b, j);
        for (int64_t i = 0; i < c.queries; ++i) {
          *of_queries++ = c.document(b, i + c.keys - c.queries);
        }
      }
      mask.query_documents = query_documents_.view();
      mask.key_documents = key_documents_.view();
    }
  }
  AttentionRun(const AttentionRun&) = delete;
  AttentionRun& operator=(const AttentionRun&) = delete;

  void Forward() {
    SoftmaxAttention(q.view(), k.view(), v.view(), out.view(), lse.view(), options);
  }
  void Backward() {
    SoftmaxAttentionBackward(q.view(), k.view(), v.view(), out.view(), lse.view(), d_out.view(),
                             d_q.view(), d_k.view(), d_v.view(), options);
  }
  std::vector<std::byte> OutputBytes() const {
    std::vector<std::byte> bytes(lse.raw(), lse.raw() + lse.bytes());
    for (const TestBuffer* x : {&out, &d_q, &d_k, &d_v}) {
      bytes.insert(bytes.end(), x->memory(), x->memory() + x->bytes());
    }
    return bytes;
  }

  TestBuffer q, k, v, d_out, out, d_q, d_k, d_v;
  Tensor lse;
  AttentionOptions options;

 private:
  AttentionCase case_;
  Tensor padding_, query_documents_, key_documents_;
  std::vector<float> slopes_;
};

// What the twin makes of the same inputs.
struct AttentionTruth {
  explicit AttentionTruth(const AttentionRun& run)
      : out(DType::kF64, run.out.view().shape()),
        lse(DType::kF64, run.lse.shape()),
        d_q(DType::kF64, run.q.view().shape()),
        d_k(DType::kF64, run.k.view().shape()),
        d_v(DType::kF64, run.v.view().shape()) {
    reference::SoftmaxAttention(run.q.view(), run.k.view(), run.v.view(), out.view(), lse.view(),
                                run.options);
    reference::SoftmaxAttentionBackward(run.q.view(), run.k.view(), run.v.view(), run.d_out.view(),
                                        d_q.view(), d_k.view(), d_v.view(), run.options);
  }
  Tensor out, lse, d_q, d_k, d_v;
};

// The largest difference, of which infinities must be equal; NaN of NaN.
inline double LargestError(ConstTensorView got, ConstTensorView truth) {
  const std::vector<double> x = reference::ToDoubles(got), y = reference::ToDoubles(truth);
  double most = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double error = x[i] == y[i] ? 0 : std::abs(x[i] - y[i]);
    if (!(error <= most)) most = error;
  }
  return most;
}

// The largest finite magnitude.
inline double Largest(ConstTensorView truth) {
  double largest = 0;
  for (const double value : reference::ToDoubles(truth)) {
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  }
  return largest;
}

}  // namespace rotary

#endif  // ROTARY_ATTENTION_ATTENTION_TEST_UTIL_H_
