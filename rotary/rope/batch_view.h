// Tensors with or without a batch before their tokens.
#ifndef ROTARY_ROPE_BATCH_VIEW_H_
#define ROTARY_ROPE_BATCH_VIEW_H_

#include <stdexcept>
#include <string_view>

#include "rotary/base/error.h"
#include "rotary/base/tensor.h"

namespace rotary {

// [tokens, heads, head_dim] as a batch of one; [batch, tokens, heads, head_dim] as it is.
// Throws std::invalid_argument, in the name of `operation`, for another rank.
template <class View>
View WithBatch(const View& view, std::string_view operation) {
  if (view.rank() == 4) return view;
  if (view.rank() != 3) {
    throw std::invalid_argument(Sentence(
        operation,
        ": a tensor must be [tokens, heads, head_dim] or [batch, tokens, heads, head_dim], got ",
        view.shape().ToString()));
  }
  return View(view.data(), view.dtype(), {1, view.shape(0), view.shape(1), view.shape(2)},
              {0, view.stride(0), view.stride(1), view.stride(2)});
}

}  // namespace rotary

#endif  // ROTARY_ROPE_BATCH_VIEW_H_
