"""Configs as people write them, each with the rotation that it asks for."""

import numpy as np

from rope import Rope

HEAD_DIMS = (16, 24, 32, 48, 64, 64, 80, 96, 128, 128)
THETAS = (10000.0, 500000.0, 1000000.0, 100000.0, 160000.0)

# family -> layout, rules
WHOLE = {"llama": ("half", ("default", "linear", "dynamic", "yarn", "llama3", "longrope")),
         "qwen2": ("half", ("default", "linear", "dynamic", "yarn")),
         "mistral": ("half", ("default", "yarn")),
         "cohere": ("interleaved", ("default", "linear", "dynamic", "yarn", "llama3")),
         "helium": ("interleaved", ("default", "linear", "dynamic"))}
PARTIAL = {"stablelm": "half", "phi": "half", "gpt_neox": "half", "glm4": "interleaved", "gptj": "interleaved"}
SECTIONED = {"qwen2_vl_text": ("half", "contiguous"), "qwen3_vl_text": ("half", "interleaved"),
             "glm4v_text": ("interleaved", "contiguous")}


def scaling_of(rule, pairs, random):
    """The arguments of the rule, and the keys that say so."""
    factor = float(random.choice([2, 4, 8, 16, 32]))
    original = int(random.choice([512, 1024, 4096, 8192]))
    if rule == "default":
        return {}, {}
    if rule == "linear":
        return {"factor": factor}, {"factor": factor}
    if rule == "dynamic":
        return {"factor": factor, "trained": original}, {"factor": factor}
    both = {"factor": factor, "original": original}
    keys = {"factor": factor, "original_max_position_embeddings": original}
    if rule == "llama3":
        bands = {"low_freq_factor": 1.0, "high_freq_factor": 4.0}
        return {**both, **bands}, {**keys, **bands}
    if rule == "longrope":
        lists = {"short_factor": np.round(1 + np.sort(random.uniform(0, 0.8, pairs)), 3).tolist(),
                 "long_factor": np.round(1 + np.sort(random.uniform(0, 2 * factor, pairs)), 3).tolist()}
        return {**both, **lists}, {**keys, **lists}
    extra = {}
    if random.random() < 0.3:
        extra = [{"attention_factor": 1.0}, {"truncate": False}, {"beta_fast": 16.0, "beta_slow": 2.0},
                 {"mscale": 0.707, "mscale_all_dim": 1.0}][random.integers(4)]
    return {**both, **extra}, {**keys, **extra}


def write_rope(config, theta, rule, keys, random):
    """Into the config, in the dialect of transformers 5 or of 4."""
    if random.random() < 0.5:
        config["rope_parameters"] = {"rope_type": rule, "rope_theta": theta, **keys}
        return
    config["rope_theta"] = theta
    if rule != "default" or keys:
        config["rope_scaling"] = {str(random.choice(["type", "rope_type"])): rule, **keys}


def base(family, head_dim, trained=8192):
    return {"model_type": family, "hidden_size": 4 * head_dim, "head_dim": head_dim, "num_attention_heads": 4,
            "num_hidden_layers": 1, "max_position_embeddings": int(trained)}


def whole(length, random):
    family = str(random.choice(list(WHOLE), p=[0.5, 0.1, 0.1, 0.2, 0.1]))
    layout, rules = WHOLE[family]
    rule = str(random.choice(rules))
    head_dim, theta = int(random.choice(HEAD_DIMS)), float(random.choice(THETAS))
    scaling, keys = scaling_of(rule, head_dim // 2, random)
    trained = scaling.get("trained") or scaling.get("original", 8192) * scaling.get("factor", 1)
    config = base(family, head_dim, trained)
    write_rope(config, theta, rule, keys, random)
    return Rope(head_dim, head_dim, layout, theta=theta, rule=rule, scaling=scaling, length=length), config


def partial(length, random):
    family = str(random.choice(list(PARTIAL)))
    head_dim, theta = int(random.choice([d for d in HEAD_DIMS if d % 16 == 0 and d > 16])), float(random.choice(THETAS))
    fraction = float(random.choice([0.25, 0.5, 0.5, 0.75]))
    rotary_dim = int(head_dim * fraction)
    config = base(family, head_dim)
    if family == "gptj":
        theta = 10000.0
        config = {"model_type": family, "n_embd": 2 * head_dim, "n_head": 2, "n_layer": 1, "n_positions": 2048,
                  "rotary_dim": rotary_dim}
    elif family == "gpt_neox":
        del config["head_dim"]
        config |= {"rotary_pct": fraction, "rotary_emb_base": theta}
    else:
        if family != "glm4":
            del config["head_dim"]
        config |= {"partial_rotary_factor": fraction, "rope_theta": theta}
    return Rope(head_dim, rotary_dim, PARTIAL[family], theta=theta, length=length), config


def latent(length, random):
    """DeepSeek: the last channels of a query turn."""
    rotary_dim, still = int(random.choice([16, 32, 64])), int(random.choice([16, 32, 64]))
    layout, theta = str(random.choice(["interleaved", "half"])), float(random.choice(THETAS))
    config = {"model_type": "deepseek_v3", "num_hidden_layers": 1, "qk_nope_head_dim": still,
              "qk_rope_head_dim": rotary_dim, "max_position_embeddings": 163840, "rope_theta": theta,
              "rope_interleave": layout == "interleaved"}
    scaling, rule = {}, "default"
    if random.random() < 0.5:
        rule, keys = "yarn", {"factor": 40.0, "beta_fast": 32.0, "beta_slow": 1.0, "mscale": 0.707,
                              "mscale_all_dim": float(random.choice([0.707, 1.0]))}
        scaling = {**keys, "original": 4096}
        config["rope_scaling"] = {"type": rule, **keys, "original_max_position_embeddings": 4096}
    return Rope(still + rotary_dim, rotary_dim, layout, still, theta, rule, scaling, length), config


def proportional(length, random):
    """Gemma 4: of the pairs of whole heads the first few move."""
    head_dim, theta = int(random.choice([32, 64, 128])), 1000000.0
    config = {**base("gemma4_text", 32), "global_head_dim": head_dim, "layer_types": ["full_attention"],
              "rope_parameters": {"full_attention": {"rope_type": "proportional", "partial_rotary_factor": 0.25,
                                                     "rope_theta": theta}}}
    return Rope(head_dim, head_dim, theta=theta, rule="proportional", scaling={"fraction": 0.25}, length=length), config


def fixed_ntk(length, random):
    """Hunyuan: called dynamic, but a fixed stretch of theta."""
    head_dim, theta, alpha = int(random.choice([32, 64, 128])), 10000.0, float(random.choice([8, 50, 1000]))
    config = base("hunyuan_v1_dense", head_dim)
    config |= {"rope_theta": theta, "rope_scaling": {"type": "dynamic", "alpha": alpha, "factor": 1.0}}
    return Rope(head_dim, head_dim, theta=theta, rule="ntk", scaling={"alpha": alpha}, length=length), config


def sectioned(length, random):
    """Several axes: M-RoPE of vision language models."""
    family = str(random.choice(list(SECTIONED)))
    layout, order = SECTIONED[family]
    head_dim, theta = int(random.choice([32, 64, 128])), float(random.choice(THETAS))
    rotary_dim = head_dim // 2 if family == "glm4v_text" else head_dim
    pairs = rotary_dim // 2
    side = pairs // 3 if order == "interleaved" else pairs * 3 // 8
    sections = (pairs - 2 * side, side, side)
    config = base(family, head_dim)
    rope = {"rope_type": "default", "rope_theta": theta, "mrope_section": list(sections)}
    if family == "glm4v_text":
        rope["partial_rotary_factor"] = 0.5
    config["rope_parameters"] = rope
    return Rope(head_dim, rotary_dim, layout, theta=theta, length=length, sections=sections,
                section_order=order), config


def draw(length, random):
    """A Rope and its config."""
    makers = (whole, partial, latent, proportional, fixed_ntk, sectioned)
    return makers[random.choice(len(makers), p=[0.52, 0.2, 0.08, 0.04, 0.04, 0.12])](length, random)
