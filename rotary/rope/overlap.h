// Whether views share memory: a kernel that writes must know.
#ifndef ROTARY_ROPE_OVERLAP_H_
#define ROTARY_ROPE_OVERLAP_H_

#include "rotary/base/tensor.h"

namespace rotary {

// Whether some byte belongs to an element of both views. Views that lie interleaved in one buffer
// (queries and keys in one projection) do not overlap. Where the search would take too long
// (thousands of steps: strides that divide nothing), says yes.
bool Overlaps(const ConstTensorView& a, const ConstTensorView& b);

// Whether two elements of the view lie on one another: a zero stride, a sliding window. Also says
// yes for strides that are not nested (none of ordinary slices and transposes), where a proof would
// need a search.
bool OverlapsItself(const ConstTensorView& view);

}  // namespace rotary

#endif  // ROTARY_ROPE_OVERLAP_H_
