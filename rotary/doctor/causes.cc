#include "rotary/doctor/causes.h"

#include <algorithm>

namespace rotary {

std::span<const Cause> Causes() {
  static const std::vector<Cause> kCauses = {
      {"none-found", "nothing is wrong", "", "", {}},
      {"identity",
       "nothing turned",
       "inv_freq or its tables are zeros (buffers that no checkpoint holds are lost at load), or "
       "the "
       "code that rotates was not reached.",
       "Compute the frequencies anew after loading; check that this layer rotates at all.",
       {"https://github.com/pytorch/executorch/pull/19627",
        "https://github.com/ByteDance-Seed/VeOmni/issues/414"}},
      {"layout-differs",
       "other channels make the pairs",
       "No config says which channels pair up: the code, or the converter of the weights, took the "
       "other convention (rotate_half against neighbours).",
       "Set the engine's flag for this model (is_neox_style, interleaved, traditional), or bring "
       "the "
       "weights to its layout by rotary convert.",
       {"https://github.com/sgl-project/sglang/pull/13495",
        "https://github.com/jzhang38/TinyLlama/issues/24"}},
      {"direction-reversed",
       "pairs turn backwards",
       "The sign of the sine, or the order of the two channels of a pair, is exchanged; or the "
       "inverse was called.",
       "first' = first cos - second sin, second' = second cos + first sin.",
       {"https://github.com/karpathy/nanochat/pull/489"}},
      {"theta-differs",
       "another theta",
       "The key of theta moved (rope_theta, rope_parameters), the reader did not find it and took "
       "its "
       "default.",
       "Read both dialects of configs and refuse keys that nobody read; rotary inspect says what "
       "the "
       "config means.",
       {"https://github.com/Open-Athena/MarinFold/pull/184",
        "https://github.com/deepspeedai/DeepSpeed/pull/8345"}},
      {"scaling-missing",
       "frequencies without the config's rule",
       "rope_scaling was read and never used, sought under another key (type, rope_type), or "
       "deleted "
       "from the config to silence an error.",
       "Hand the rule to the code that computes inv_freq, and compare that list with rotary "
       "inspect's.",
       {"https://github.com/lablup/mlxcel/issues/1355",
        "https://github.com/ggml-org/llama.cpp/pull/8676"}},
      {"scaling-differs",
       "another rule, or another number in it",
       "One number of the rule is taken from elsewhere: the trained length from "
       "max_position_embeddings, the length of dynamic rules from the server's limit, LongRoPE's "
       "list "
       "from the allocated context.",
       "Compare inv_freq with rotary inspect's, for the same --length.",
       {"https://github.com/vllm-project/vllm/issues/41236",
        "https://github.com/ggml-org/llama.cpp/issues/24823"}},
      {"attention-factor-missing",
       "the factor on cosines and sines is 1",
       "The factor of YaRN or LongRoPE is computed apart from the frequencies and got lost on the "
       "way, "
       "or went into the softmax scale instead.",
       "Multiply cosines and sines by it, or scores by its square: once.",
       {"https://github.com/turboderp-org/exllamav3/issues/259",
        "https://github.com/onnxruntime/mobius/pull/548"}},
      {"attention-factor-squared",
       "the factor twice",
       "A factor that the config states as final was multiplied with the formula's, or both tables "
       "and inputs carry it.",
       "attention_factor replaces the formula's value; multiply in one place.",
       {"https://github.com/sgl-project/sglang/pull/33558"}},
      {"attention-factor-differs",
       "another factor",
       "attention_factor, mscale and mscale_all_dim have four readings in use.",
       "attention_factor where it is given; else the ratio of both mscales where both are there; "
       "else "
       "1 + 0.1 ln(factor).",
       {"https://github.com/vllm-project/vllm/pull/46280",
        "https://github.com/NVIDIA/Megatron-LM/issues/1429"}},
      {"rotary-dim-differs",
       "more or fewer channels turn",
       "partial_rotary_factor was dropped (code copied from a model that turns whole heads), or "
       "head_dim was computed as hidden_size / heads.",
       "Turn int(head_dim * partial_rotary_factor) channels and copy the rest.",
       {"https://github.com/huggingface/transformers/pull/48652",
        "https://github.com/AI-Hypercomputer/maxtext/issues/4616"}},
      {"offset-differs",
       "the channels that turn begin elsewhere",
       "Latent attention (MLA) turns the last channels of a head, most models the first.",
       "Hand the range of channels to the rotation.",
       {"https://github.com/DeepAuto-AI/hip-attention/pull/46"}},
      {"denominator-differs",
       "exponents of theta over another number of channels",
       "theta^(-2i / head_dim) where rotary_dim was meant, or the other way round.",
       "Divide by rotary_dim; by head_dim only for proportional rules.",
       {"https://github.com/pie-project/pie/pull/603"}},
      {"position-shifted",
       "other positions than given",
       "The offset of the cache was added twice, not at all, or counted from the rows kept; or "
       "position_ids were handed over and never read.",
       "Hand the position of each token to the rotation, and test decoding after a prefix.",
       {"https://github.com/mlx-node/mlx-node/pull/33",
        "https://github.com/NVIDIA/Megatron-LM/issues/453"}},
      {"positions-restart",
       "positions begin again within a row",
       "Each chunk, or each rank of context parallelism, counts its own tokens from 0.",
       "Add where the chunk begins.",
       {"https://github.com/NVIDIA/Megatron-LM/pull/5243",
        "https://github.com/keras-team/keras-hub/pull/1544"}},
      {"positions-rounded",
       "positions in a short format",
       "Positions took the dtype of the model (bfloat16 counts to 256, float16 to 2,048), or a "
       "matrix "
       "product rounded them to TF32.",
       "Keep positions in integers or float32 until they meet the frequencies, and multiply "
       "element "
       "by element.",
       {"https://github.com/huggingface/candle/pull/3520",
        "https://github.com/huggingface/transformers/issues/48428"}},
      {"frequencies-rounded",
       "frequencies in a short format",
       "inv_freq took the dtype of the model (.to(bfloat16) casts buffers too), or a matrix "
       "product "
       "rounded it to TF32.",
       "Keep inv_freq in float32, or compute it where it is used, and multiply element by element.",
       {"https://github.com/Modalities/modalities/pull/462",
        "https://github.com/huggingface/transformers/issues/25681"}},
      {"angles-rounded",
       "angles in a short format",
       "Position times frequency was computed in the dtype of the model.",
       "Compute angles, cosines and sines in float32; round the tables at the end.",
       {"https://github.com/huggingface/candle/pull/3520",
        "https://github.com/sgl-project/sglang-jax/issues/1472"}},
      {"tables-rounded",
       "cosines and sines in a short format",
       "Tables are stored in the dtype of the model, as many engines do.",
       "Nothing, where the error of a table's last digit is small enough for you; it does not grow "
       "with the position.",
       {"https://github.com/EleutherAI/gpt-neox/issues/1003",
        "https://github.com/flashinfer-ai/flashinfer/pull/585"}},
      {"rotated-twice",
       "twice the angle",
       "The model rotates, and the kernel that fills the cache does so again.",
       "Let one place rotate.",
       {"https://github.com/NVIDIA/TensorRT-LLM/pull/16378"}},
      {"heads-differ",
       "some heads turn otherwise",
       "The axis of heads was taken for that of tokens, or only the first head is turned.",
       "Check the order of axes the rotation expects; test with as many heads as no other axis "
       "has.",
       {"https://github.com/mlfoundations/open_lm/issues/4",
        "https://github.com/huggingface/transformers/issues/47328"}},
      {"rows-differ",
       "some rows of the batch turn otherwise",
       "A kernel writes, or reads positions for, the first row alone; or padding shifts each row "
       "by "
       "another number.",
       "Test with several rows of different lengths and a single new token.",
       {"https://github.com/ml-explore/mlx/issues/3949",
        "https://github.com/huggingface/transformers/issues/22161"}},
      {"axis-order-differs",
       "pairs read other axes",
       "Height and width are exchanged, or sections of M-RoPE lie one after the other where they "
       "should take turns.",
       "Test with a grid that is no square.",
       {"https://github.com/huggingface/pytorch-image-models/pull/2541",
        "https://github.com/Blaizzy/mlx-vlm/pull/576"}},
      {"tables-mismatch",
       "table in one layout, rotation in the other",
       "Each angle twice in a row (repeat_interleave) meets rotate_half, or all angles twice (cat) "
       "meet neighbours.",
       "cat with rotate_half, repeat_interleave with neighbours. Weights trained with the mismatch "
       "need it.",
       {"https://github.com/baidu/ERNIE-Image/issues/6",
        "https://github.com/jingyaogong/minimind/issues/373"}},
      {"channels-permuted",
       "outputs in other places than inputs",
       "Neighbours are brought to halves to use the half layout's kernel, and not brought back.",
       "Nothing, where queries and keys share the order; else bring them back before they are "
       "stored "
       "or compared.",
       {"https://github.com/NVIDIA/Megatron-LM/issues/1547",
        "https://github.com/huggingface/transformers/issues/39687"}},
      {"not-a-rotation",
       "no rotation gives this",
       "Something was added, norms changed, rows were not written, or cosines were taken twice.",
       "Save the tensors immediately before and after the rotation: without norm, bias or "
       "quantisation between them.",
       {"https://github.com/vllm-project/vllm-ascend/issues/12723",
        "https://github.com/JunnYu/RoFormer_pytorch/issues/51"}},
      {"cannot-tell",
       "the data leave it open",
       "Too few tokens, or positions at which too little turns.",
       "Run an input that leaves nothing open through the code: rotary doctor --probe.",
       {}},
  };
  return kCauses;
}

const Cause* CauseOf(std::string_view code) {
  const std::span<const Cause> all = Causes();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Cause& cause) { return cause.code == code; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace rotary
