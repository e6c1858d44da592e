// Refuses calls of softmax attention that break a rule, before anything is written.
#ifndef ROTARY_ATTENTION_ATTENTION_ARGUMENTS_H_
#define ROTARY_ATTENTION_ATTENTION_ARGUMENTS_H_

#include "rotary/attention/softmax_attention.h"
#include "rotary/base/tensor.h"

namespace rotary {

// Each throws std::invalid_argument with one sentence, or returns.
void CheckAttention(ConstTensorView q, ConstTensorView k, ConstTensorView v, ConstTensorView out,
                    ConstTensorView lse, const AttentionOptions& options);
void CheckAttentionBackward(ConstTensorView q, ConstTensorView k, ConstTensorView v,
                            ConstTensorView out, ConstTensorView lse, ConstTensorView d_out,
                            ConstTensorView d_q, ConstTensorView d_k, ConstTensorView d_v,
                            const AttentionOptions& options);

}  // namespace rotary

#endif  // ROTARY_ATTENTION_ATTENTION_ARGUMENTS_H_
