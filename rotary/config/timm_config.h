// The configs of timm (pytorch-image-models): a model is named by its "architecture", and what that
// means stands in timm's code; "model_args" may say otherwise.
//
//   {"architecture": "eva02_base_patch14_448", "num_features": 768, "pretrained_cfg": {..}}
//
// timm_models.json holds the arguments of the constructor that concern the rotation, for the
// architectures of timm/models/eva.py (EVA, EVA-02, Perception Encoder, RoPE-ViT, DINOv3).
// Source: huggingface/pytorch-image-models, timm/models/eva.py and timm/layers/pos_embed_sincos.py
// at aa4b5850.
#ifndef ROTARY_CONFIG_TIMM_CONFIG_H_
#define ROTARY_CONFIG_TIMM_CONFIG_H_

#include <optional>
#include <set>
#include <string>

#include "rotary/config/config_object.h"
#include "rotary/config/dialects.h"

namespace rotary {

// Nothing where `config` names no architecture. Throws FileError: one that is not known, arguments
// of another kind, a rope key that timm does not have, but for those in `ignore`; tables made for
// one layout and applied in the other, which timm allows and no published model has.
std::optional<TranslatedConfig> TranslateTimm(const ConfigObject& config,
                                              const std::set<std::string>& ignore);

}  // namespace rotary

#endif  // ROTARY_CONFIG_TIMM_CONFIG_H_
