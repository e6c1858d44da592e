#include "rotary/attention/softmax_attention.h"

#include "rotary/attention/attention_arguments.h"
#include "rotary/attention/softmax_attention_ref.h"
#include "rotary/base/parallel.h"

namespace rotary {

void SoftmaxAttention(ConstTensorView q, ConstTensorView k, ConstTensorView v, TensorView out,
                      TensorView lse, const AttentionOptions& options) {
  CheckAttention(q, k, v, out, lse, options);
  ResolveThreads(options.threads);
  reference::SoftmaxAttention(q, k, v, out, lse, options);
}

void SoftmaxAttentionBackward(ConstTensorView q, ConstTensorView k, ConstTensorView v,
                              ConstTensorView out, ConstTensorView lse, ConstTensorView d_out,
                              TensorView d_q, TensorView d_k, TensorView d_v,
                              const AttentionOptions& options) {
  CheckAttentionBackward(q, k, v, out, lse, d_out, d_q, d_k, d_v, options);
  ResolveThreads(options.threads);
  reference::SoftmaxAttentionBackward(q, k, v, d_out, d_q, d_k, d_v, options);
}

}  // namespace rotary
