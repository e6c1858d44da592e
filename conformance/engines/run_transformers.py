"""The golden vectors by the PyTorch code of transformers: for each config the rotary embedding of its model, and the function
that its attention applies to queries and keys.

Usage: run_transformers.py OUTPUTS        then: check.py OUTPUTS
Needs torch, transformers (5.23 was used)."""
import importlib
import inspect

import torch
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from runs import NotOffered, run, with_gradient


def model(case):
    """The config and the modeling module of its family."""
    if case["config"] is None:
        raise NotOffered("no config says it")
    if case["direction"] == "inverse" or "from_config" in case or case["name"] == "shift":
        raise NotOffered("keys of a cache are not touched again")
    if case["name"] == "yarn_original_factors":
        raise NotOffered("keys of YaRN's own code, which it leaves aside with a warning")
    keys = dict(case["config"])
    family = keys.pop("model_type", None)
    if family not in CONFIG_MAPPING:
        raise NotOffered(f"no family {family or next(iter(keys.values()))}")
    config = CONFIG_MAPPING[family](**keys)
    module = importlib.import_module(type(config).__module__.replace("configuration_", "modeling_"))
    if "vision" not in family and family != "pixtral":
        config = config.get_text_config()
    return config, module


def tables(config, module, positions, layer):
    """cos and sin as the model makes them (or the complex numbers of both)."""
    names = [name for name, value in vars(module).items()
             if inspect.isclass(value) and name.endswith("RotaryEmbedding") and "Vision" not in name]
    if len(names) != 1:
        raise NotOffered(f"{module.__name__} has no rotary embedding that takes positions")
    embedding = getattr(module, names[0])(config)
    arguments = (torch.zeros(1), positions)
    if "layer_type" in inspect.signature(embedding.forward).parameters:
        label = config.layer_types[layer]
        if config.model_type == "deepseek_v4":
            label = "main" if label == "sliding_attention" else "compress"
        arguments += (label,)
    return embedding(*arguments)


def on_first(x, width, turn):
    """Partial rotation as these attentions write it."""
    return torch.cat([turn(x[..., :width]), x[..., width:]], dim=-1) if width < x.shape[-1] else turn(x)


def latent(case, config, module, cos, sin, x):
    """DeepSeek: the attention splits off the channels that turn."""
    if case.get("part") == "indexer":
        return on_first(x, cos.shape[-1], lambda part: module.apply_rotary_pos_emb(part, part, cos, sin)[0])
    still = x.shape[-1] - config.qk_rope_head_dim
    turned = module.apply_rotary_pos_emb_interleave(x[..., still:], x[..., still:], cos, sin)[0]
    # It leaves all first members of pairs before all second ones; put back here.
    turned = torch.stack(turned.chunk(2, dim=-1), dim=-1).flatten(-2)
    return torch.cat([x[..., :still], turned], dim=-1)


def vision(config, module, positions, x):
    """Positions are those of one list of patches."""
    (name,) = [name for name in vars(module) if name.endswith("VisionRotaryEmbedding")]
    cos, sin = getattr(module, name)(config)(torch.zeros(1), positions.reshape(-1, 2))
    apply = getattr(module, "apply_rotary_pos_emb_vision", module.apply_rotary_pos_emb)
    patches = x.flatten(0, 1)
    return apply(patches, patches, cos, sin)[0].reshape(x.shape)


def rotate(case, positions, x):
    family = (case["config"] or {}).get("model_type")
    if family == "gptj":
        module = importlib.import_module("transformers.models.gptj.modeling_gptj")
        width = case["config"]["rotary_dim"]
        table = module.create_sinusoidal_positions(int(positions.max()) + 1, width)
        sin, cos = table[positions].chunk(2, dim=-1)
        return on_first(x, width, lambda part: module.apply_rotary_pos_emb(part, sin, cos))
    config, module = model(case)
    if family in ("llama4_vision_model", "dinov3_vit"):
        raise NotOffered("positions come from the size of the image")
    if family in ("qwen2_5_vl_vision", "pixtral"):
        return vision(config, module, positions, x)
    if family == "gemma4_vision":
        cos, sin = module.Gemma4VisionRotaryEmbedding(config)(torch.zeros(1), positions)
        return module.apply_multidimensional_rope(x, cos, sin, positions)
    if family == "vjepa2":
        attention = module.VJEPA2RopeAttention(config, config.hidden_size, config.num_attention_heads)
        axes = [axis[:, None] for axis in positions.unbind(-1)]
        return attention.apply_rotary_embeddings(x.transpose(1, 2), axes).transpose(1, 2)
    if family == "roformer":
        positions_of = module.RoFormerSinusoidalPositionalEmbedding(config.max_position_embeddings, x.shape[-1])
        positions_of.weight.data = positions_of.create_weight()
        sinusoid = positions_of(x.shape, position_ids=positions)[:, None]
        q = x.transpose(1, 2)
        return module.RoFormerSelfAttention.apply_rotary_position_embeddings(sinusoid, q, q)[0].transpose(1, 2)
    if getattr(config, "no_rope_layers", None) and not config.no_rope_layers[case["layer"]]:
        return x * 1
    if positions.ndim == 3:
        positions = positions.permute(2, 0, 1)
    table = tables(config, module, positions, case["layer"])
    if torch.is_tensor(table):  # complex numbers
        q = x if family.startswith("llama4") else x.transpose(1, 2)
        y = module.apply_rotary_emb(q, q, table)[0]
        return y if family.startswith("llama4") else y.transpose(1, 2)
    cos, sin = table
    q = x.transpose(1, 2)
    if family in ("deepseek_v3", "deepseek_v32"):
        return latent(case, config, module, cos, sin, q).transpose(1, 2)
    if family in ("gemma4_text", "deepseek_v4"):
        return module.apply_rotary_pos_emb(x, cos, sin, unsqueeze_dim=2)
    if family in ("phi", "stablelm"):  # these cut the head in their attention, others in the function
        return on_first(q, cos.shape[-1],
                        lambda part: module.apply_rotary_pos_emb(part, part, cos, sin)[0]).transpose(1, 2)
    return module.apply_rotary_pos_emb(q, q, cos, sin)[0].transpose(1, 2)


if __name__ == "__main__":
    run(with_gradient(rotate))
