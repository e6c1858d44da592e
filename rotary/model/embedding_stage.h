// From ids to the first residual stream: words, types and added positions, norm, projection.
// Internal to the model room.
#ifndef ROTARY_MODEL_EMBEDDING_STAGE_H_
#define ROTARY_MODEL_EMBEDDING_STAGE_H_

#include <cstdint>

#include "rotary/model/workspace.h"

namespace rotary {

// Returns [rows, model_dim], which lives in pass.state.
Matrix<float> EmbeddingStage(const Pass& pass, const ModelParameters<const float>& parameters);

// Adds the gradients of the tables, norm and projection. d_out [rows, model_dim] is overwritten.
void EmbeddingStageBackward(const Pass& pass, const ModelParameters<const float>& parameters,
                            Matrix<float> d_out, const ModelParameters<float>& d_parameters);

// Row `position` of the sinusoidal table: sin in even channels, cos in odd ones, at frequencies
// 10000^(-2i / out.size()), times `amplitude`. Source: Vaswani et al. 2017, section 3.5.
void SinusoidalRow(int64_t position, double amplitude, std::span<float> out);

}  // namespace rotary

#endif  // ROTARY_MODEL_EMBEDDING_STAGE_H_
