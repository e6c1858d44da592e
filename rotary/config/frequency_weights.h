// Frequencies that live in a checkpoint: learned ones (RoPE-ViT mixed, Mochi), and those that were
// stored with it, rounded perhaps, and count for that (ESM, Stable Audio, DINOv3).
#ifndef ROTARY_CONFIG_FREQUENCY_WEIGHTS_H_
#define ROTARY_CONFIG_FREQUENCY_WEIGHTS_H_

#include "rotary/config/family.h"
#include "rotary/config/text_layers.h"
#include "rotary/io/checkpoint_tensors.h"

namespace rotary {

// Gives the rotations of `part` the frequencies that `checkpoint` holds, as `weights` describes
// them; layers go on together where theirs are equal. A tensor's name may have anything before a
// dot in front of it ("model.diffusion_model.").
//
//   form                    shape                           frequency of pair j of head h, axis x
//   frequencies             [pairs]                         t[j], on the axis the pair has
//   periods                 [pairs / axes]                  2 pi / t[j mod the shape], likewise
//   axis,head,pair          [axes, heads, pairs]            t[x, h, j]
//   axis,layer,head,pair    [axes, layers, heads, pairs]    t[x, layer, h, j]; the last two may be
//                                                           one
//
// Throws FileError: no such tensor, two of them, another shape, a dtype other than f64, f32, bf16
// and f16, a value that is not finite, a period that is not positive.
void UseWeights(const CheckpointTensors& checkpoint, const FrequencyTensor& weights,
                PartRope& part);

}  // namespace rotary

#endif  // ROTARY_CONFIG_FREQUENCY_WEIGHTS_H_
