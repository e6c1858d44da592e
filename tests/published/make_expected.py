#!/usr/bin/env python3
"""Computes which rotation each published model has, straight from the formulas, into expected.json.

Usage: make_expected.py [--check]     (--check compares with the expected.json that is there and writes nothing)

The judge of our config reader, so it shares nothing with it: Python's standard library only, one function per rule, 60
decimal digits throughout. A number is rounded once, to the nearest double, and written with the fewest digits (17 at
most) that name this double.

Input, configs.json: [{"model", "source", "config"}], the keys of config.json files that say something about the
rotation, as the models publish them. Output, expected.json, one line per model:
  {"model", "cases": [{"length"?, "groups": [...]}]}
  length   tokens of the whole text; only where the rotation depends on it, then one case at the original length and one
           beyond: LongRoPE one token beyond, the dynamic kinds at twice the length
  group    {"part", "layers", "rotates": false}, or
           {"part", "layers", "layout", "head_dim", "rotary_dim", "offset", "first_pair", "axes", "axis"?, "frequency",
            "attention_factor", "softmax_multiplier"}
  part     "text", "vision", or "indexer" (the second, small attention of the sparse DeepSeek and GLM models)
  layers   indices from 0; a group holds all layers of a part with this rotation
  layout   "interleaved": pairs (2i, 2i+1); "half": (i, i + rotary_dim/2); "half_per_axis": the rotated channels are cut
           into one block per axis, half inside each block
  offset   first rotated channel of the head; rotary_dim channels from there belong to pairs
  first_pair  the two channels of pair 0, offset included
  axis     of each pair, only where axes > 1. Text: 0 time, 1 height, 2 width. Vision: Qwen's 0 height, 1 width; Gemma's
           0 x, 1 y, as the models order their position rows
  frequency  radians per position of each pair; 0 where the pair stands still
  attention_factor    multiplies cos and sin alike
  softmax_multiplier  what the rope scaling multiplies the model's softmax scale by, beside that

The formulas are in rules.py, with their sources. How a family departs from one rotation for all layers is said in its
function below.
"""
import argparse
import decimal
import json
import sys
from decimal import Decimal
from pathlib import Path

from rules import (check_rules, check_value, contiguous_axes, deepseek_softmax, dynamic_ntk, interleaved_axes, llama3,
                   longrope, proportional, qwen_ntk, unscaled, yarn)

HERE = Path(__file__).resolve().parent


# ---- Reading a config ----

def rope_dictionary(config):
    return config.get("rope_parameters") or config.get("rope_scaling") or {}


def rope_type(rope):
    name = rope.get("rope_type") or rope.get("type") or "default"
    return "default" if name == "mrope" else name


def layer_count(config):
    return next(config[key] for key in ("num_hidden_layers", "num_layers", "n_layers", "n_layer") if key in config)


# The base of families whose published configs may leave it out: a constant of their code.
THETA_IN_CODE = {"baichuan": 10000, "chatglm": 10000, "minicpm": 10000, "phi-msft": 10000}


def theta_of(config):
    for place in (rope_dictionary(config), config):
        for key in ("rope_theta", "rotary_emb_base"):
            if key in place:
                return place[key]
    return THETA_IN_CODE[config["model_type"]]


def head_dim_of(config):
    for key in ("head_dim", "kv_channels"):
        if key in config:
            return config[key]
    if "n_embd" in config:
        return config["n_embd"] // config["n_head"]
    return config["hidden_size"] // config["num_attention_heads"]


def rotary_dim_of(config, head_dim):
    if config["model_type"] == "chatglm":
        return head_dim // 2
    if "rotary_dim" in config:
        return config["rotary_dim"]
    for place in (rope_dictionary(config), config):
        for key in ("partial_rotary_factor", "rotary_pct"):
            if key in place:
                return int(head_dim * Decimal(place[key]))
    return head_dim


def lengths_of(config):
    """The lengths worth a case; [None] where the rotation is the same at any."""
    kind = rope_type(rope_dictionary(config))
    if kind == "longrope":
        return [config["original_max_position_embeddings"], config["original_max_position_embeddings"] + 1]
    if kind == "dynamic":
        return [config["max_position_embeddings"], 2 * config["max_position_embeddings"]]
    if config.get("use_dynamic_ntk"):
        return [config["seq_length"], 2 * config["seq_length"]]
    return [None]


def scaled_spectrum(config, rope, theta, d, length):
    """Frequencies and attention factor by the kind that the rope dictionary names."""
    kind = rope_type(rope)
    if kind == "yarn":
        return yarn(theta, d, rope)
    if kind == "longrope":
        return longrope(theta, d, rope, config["original_max_position_embeddings"], config["max_position_embeddings"],
                        length)
    if kind == "llama3":
        return llama3(theta, d, rope), Decimal(1)
    if kind == "dynamic":
        return dynamic_ntk(theta, d, rope["factor"], config["max_position_embeddings"], length), Decimal(1)
    assert kind == "default", kind
    if config.get("use_dynamic_ntk"):
        return qwen_ntk(theta, d, config["seq_length"], length), Decimal(1)
    return unscaled(theta, d), Decimal(1)


# ---- Groups of layers ----

def still(part, layers):
    return {"part": part, "layers": list(layers), "rotates": False}


def turning(part, layers, layout, head_dim, frequency, *, rotary_dim=None, offset=0, attention_factor=Decimal(1),
           softmax_multiplier=Decimal(1), axes=1, axis=None):
    rotary_dim = 2 * len(frequency) if rotary_dim is None else rotary_dim
    partner = {"interleaved": 1, "half": rotary_dim // 2, "half_per_axis": rotary_dim // axes // 2}[layout]
    group = {"part": part, "layers": list(layers), "layout": layout, "head_dim": head_dim, "rotary_dim": rotary_dim,
             "offset": offset, "first_pair": [offset, offset + partner], "axes": axes}
    if axes > 1:
        assert len(axis) == len(frequency)
        group["axis"] = axis
    return {**group, "frequency": frequency, "attention_factor": attention_factor,
            "softmax_multiplier": softmax_multiplier}


def split(part, layers, is_still, **rotation):
    """One rotating group and, where some layers stand still, one more."""
    resting = [i for i in layers if is_still(i)]
    groups = [turning(part, [i for i in layers if i not in resting], **rotation)]
    return groups + ([still(part, resting)] if resting else [])


# ---- Families ----

INTERLEAVED = {"chatglm", "cohere", "llama4_text"}
HALF = {"baichuan", "exaone4", "gemma", "gemma2", "gpt_neox", "gpt_oss", "internlm2", "llama", "minicpm", "minimax_m2",
        "minimax_m3", "ministral3", "mistral", "mixtral", "mllama_text_model", "olmo2", "phi", "phi-msft", "phi3",
        "qwen", "qwen2", "qwen2_5_vl", "qwen2_moe", "qwen3", "qwen3_5_moe_text", "qwen3_5_text", "qwen3_moe",
        "qwen3_vl_text", "stablelm", "starcoder2"}


def resting_layers(config):
    """A function that tells whether layer i of a plain text model stands still."""
    kind, types = config["model_type"], config.get("layer_types")
    if kind == "llama4_text":  # every fourth layer has no rotation
        return lambda i: (i + 1) % 4 == 0
    if kind == "exaone4" and config["sliding_window"] is not None:  # full layers see no positions
        return lambda i: types[i] == "full_attention"
    if kind == "mllama_text_model":  # attention to the picture
        return lambda i: i in config["cross_attention_layers"]
    if kind in ("qwen3_5_text", "qwen3_5_moe_text"):  # linear layers have no queries and keys to rotate
        return lambda i: types[i] == "linear_attention"
    return lambda i: False


def text_axes(config, pairs):
    """The axis of each pair, or None where there is one axis."""
    sections = rope_dictionary(config).get("mrope_section")
    if sections is None:
        return None
    if config["model_type"] == "qwen2_5_vl":
        return contiguous_axes(sections)
    return interleaved_axes(sections, pairs)


def plain_text(config, length):
    """One rotation for all layers that rotate."""
    kind, rope, head_dim = config["model_type"], rope_dictionary(config), head_dim_of(config)
    assert kind in INTERLEAVED | HALF, kind
    layout = "interleaved" if kind in INTERLEAVED and config.get("original_rope", True) else "half"
    d = rotary_dim_of(config, head_dim)
    frequency, attention_factor = scaled_spectrum(config, rope, theta_of(config), d, length)
    axis = text_axes(config, len(frequency))
    return split("text", range(layer_count(config)), resting_layers(config), layout=layout,
                 head_dim=head_dim, frequency=frequency, attention_factor=attention_factor,
                 axes=3 if axis else 1, axis=axis)


def by_kind(kinds, rotations):
    """One group per kind of layer that occurs; `kinds` names the kind of each layer."""
    return [turning("text", [i for i, kind in enumerate(kinds) if kind == name], **rotation)
            for name, rotation in rotations.items() if name in kinds]


def gemma3(config, _):
    """Every sixth layer sees all and has the large base, the others a window and a small base; published unscaled."""
    assert config["rope_scaling"] is None
    head_dim, period = config["head_dim"], config["sliding_window_pattern"]
    bases = {"full": config["rope_theta"], "sliding": config["rope_local_base_freq"]}
    kinds = ["sliding" if (i + 1) % period else "full" for i in range(layer_count(config))]
    return by_kind(kinds, {kind: {"layout": "half", "head_dim": head_dim, "frequency": unscaled(base, head_dim)}
                           for kind, base in bases.items()})


def gemma4_text(config, _):
    """Sliding layers rotate their whole head; full ones have larger heads of which few pairs move."""
    full, sliding = (config["rope_parameters"][kind] for kind in ("full_attention", "sliding_attention"))
    assert (rope_type(full), rope_type(sliding)) == ("proportional", "default")
    wide, narrow = config["global_head_dim"], config["head_dim"]
    few = proportional(full["rope_theta"], wide, full["partial_rotary_factor"])
    return by_kind(config["layer_types"], {
        "full_attention": {"layout": "half", "head_dim": wide, "frequency": few},
        "sliding_attention": {"layout": "half", "head_dim": narrow,
                              "frequency": unscaled(sliding["rope_theta"], narrow)}})


def mimo_v2_flash(config, _):
    """hybrid_layer_pattern: 0 sees all (rope_theta), 1 a window (swa_rope_theta)."""
    head_dim = config["head_dim"]
    d = rotary_dim_of(config, head_dim)
    bases = {0: config["rope_theta"], 1: config["swa_rope_theta"]}
    return by_kind(config["hybrid_layer_pattern"], {
        kind: {"layout": "half", "head_dim": head_dim, "frequency": unscaled(base, d)} for kind, base in bases.items()})


def olmo3(config, _):
    """YaRN on the full layers only; the sliding ones keep the plain frequencies of the same base."""
    rope, head_dim, theta = config["rope_scaling"], head_dim_of(config), config["rope_theta"]
    frequency, attention_factor = yarn(theta, head_dim, rope)
    return by_kind(config["layer_types"], {
        "full_attention": {"layout": "half", "head_dim": head_dim, "frequency": frequency,
                           "attention_factor": attention_factor},
        "sliding_attention": {"layout": "half", "head_dim": head_dim, "frequency": unscaled(theta, head_dim)}})


# The sparse models' indexer: which pairs it has. It rotates the first channels of its heads.
INDEXER = {"deepseek_v32": "half", "glm_moe_dsa": "interleaved"}


def latent(config, length):
    """Multi-head latent attention: heads of [still, rotated] channels; head_dim says nothing here."""
    rope, d, before = rope_dictionary(config), config["qk_rope_head_dim"], config["qk_nope_head_dim"]
    frequency, attention_factor = scaled_spectrum(config, rope, theta_of(config), d, length)
    layers = range(layer_count(config))
    groups = [turning("text", layers, "interleaved", before + d, frequency, offset=before,
                      attention_factor=attention_factor, softmax_multiplier=deepseek_softmax(rope_type(rope), rope))]
    if config["model_type"] in INDEXER:
        groups.append(turning("indexer", layers, INDEXER[config["model_type"]], config["index_head_dim"], frequency,
                              attention_factor=attention_factor))
    return groups


def deepseek_v4(config, _):
    """compress_ratios per layer: 0 is a plain window, others (4 has an indexer) get their own base and YaRN without its
    magnitude. The last entry belongs to the layer that predicts ahead. The last channels of a head rotate."""
    d, head_dim, ratios = config["qk_rope_head_dim"], config["head_dim"], config["compress_ratios"]
    ratios = ratios[:layer_count(config)]
    compressed, _ = yarn(config["compress_rope_theta"], d, config["rope_scaling"])
    shape = {"layout": "interleaved", "head_dim": head_dim, "offset": head_dim - d}
    groups = by_kind(["compressed" if ratio else "window" for ratio in ratios], {
        "window": {**shape, "frequency": unscaled(config["rope_theta"], d)},
        "compressed": {**shape, "frequency": compressed}})
    index_dim = config["index_head_dim"]
    return groups + [turning("indexer", [i for i, ratio in enumerate(ratios) if ratio == 4], "interleaved", index_dim,
                             compressed, offset=index_dim - d)]


def qwen_vision(config):
    """Pair i < quarter turns with the patch's row, the next quarter with its column; the exponents start again."""
    head_dim = config["hidden_size"] // config["num_heads"]
    per_axis = unscaled(10000, head_dim // 2)
    return [turning("vision", range(config["depth"]), "half", head_dim, per_axis * 2, axes=2,
                    axis=contiguous_axes([len(per_axis)] * 2))]


def gemma4_vision(config):
    """One block of channels per axis, each with a spectrum of its own."""
    head_dim = config["head_dim"]
    per_axis = unscaled(config["rope_parameters"]["rope_theta"], 2 * (head_dim // 4))
    return [turning("vision", range(layer_count(config)), "half_per_axis", head_dim, per_axis * 2, axes=2,
                    axis=contiguous_axes([len(per_axis)] * 2))]


def nothing_rotates(config, _):
    return [still("text", range(layer_count(config)))]


# ---- Files without a model_type, as their authors write them ----

def meta_params(config, _):
    """Meta's params.json: neighbours pair up, and what use_scaled_rope means stands in Meta's code."""
    head_dim = config["dim"] // config["n_heads"]
    assert config["use_scaled_rope"]
    scaled = {"factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 8192}
    return [turning("text", range(layer_count(config)), "interleaved", head_dim,
                    llama3(config["rope_theta"], head_dim, scaled))]


def mistral_params(config, _):
    """Mistral's params.json of a model with latent attention: beta is the fast end, alpha the slow one, and without
    apply_scale nothing has a magnitude."""
    rope, d, before = config["yarn"], config["qk_rope_head_dim"], config["qk_nope_head_dim"]
    frequency, _ = yarn(config["rope_theta"], d, {**rope, "beta_fast": rope["beta"], "beta_slow": rope["alpha"]})
    assert rope["apply_scale"] is False
    return [turning("text", range(layer_count(config)), "interleaved", before + d, frequency, offset=before)]


def openai_config(config, _):
    """gpt-oss as OpenAI writes it: alpha is the slow end, the range is not rounded."""
    frequency, attention_factor = yarn(config["rope_theta"], config["head_dim"], {
        "factor": config["rope_scaling_factor"], "original_max_position_embeddings": config["initial_context_length"],
        "beta_fast": config["rope_ntk_beta"], "beta_slow": config["rope_ntk_alpha"], "truncate": False})
    return [turning("text", range(layer_count(config)), "half", config["head_dim"], frequency,
                    attention_factor=attention_factor)]


def deepseek_config(config, _):
    """DeepSeek's inference code: the scaling stands there, its magnitude is in the softmax alone."""
    d, before = config["qk_rope_head_dim"], config["qk_nope_head_dim"]
    rope = {"factor": 40, "original_max_position_embeddings": 4096, "mscale_all_dim": config.get("mscale", 1)}
    frequency, _ = yarn(10000, d, rope)
    return [turning("text", range(layer_count(config)), "interleaved", before + d, frequency, offset=before,
                    softmax_multiplier=deepseek_softmax("yarn", rope))]


def gguf_metadata(config, _):
    """The keys of a GGUF file; llama.cpp keeps Llama's channels in Meta's order."""
    assert config["general.architecture"] == "llama"
    head_dim = config["llama.embedding_length"] // config["llama.attention.head_count"]
    assert config["llama.rope.dimension_count"] == head_dim
    return [turning("text", range(config["llama.block_count"]), "interleaved", head_dim,
                    unscaled(config["llama.rope.freq_base"], head_dim))]


# By a key that no other of these files has.
OWN_FORMS = {"multiple_of": meta_params, "hidden_dim": mistral_params, "initial_context_length": openai_config,
             "inter_dim": deepseek_config, "general.architecture": gguf_metadata}


def rule_of(config):
    if "model_type" in config:
        return TEXT.get(config["model_type"], plain_text)
    return next(rule for key, rule in OWN_FORMS.items() if key in config)


TEXT = {"deepseek_v2": latent, "deepseek_v3": latent, "deepseek_v32": latent, "deepseek_v4": deepseek_v4,
        "gemma3_text": gemma3, "gemma4_text": gemma4_text, "glm_moe_dsa": latent, "kimi_k2": latent,
        "kimi_linear": nothing_rotates, "mimo_v2_flash": mimo_v2_flash, "nemotron_h": nothing_rotates, "olmo3": olmo3}
VISION = {"gemma4": gemma4_vision, "qwen2_5_vl": qwen_vision}


def cases(config):
    text = config.get("text_config", config)
    vision = VISION[config["model_type"]](config["vision_config"]) if "vision_config" in config else []
    rule = rule_of(text)
    return [{**({} if length is None else {"length": length}), "groups": rule(text, length) + vision}
            for length in lengths_of(text)]


# ---- Checks and output ----

def check_models(expected):
    """The same for whole models: that the config is read as meant."""
    def group(model, number=0, case=0):
        return expected[model][case]["groups"][number]

    def pairs(model, wanted, attention_factor, softmax_multiplier="1.000000000"):
        for i, value in wanted.items():
            check_value(f"{model}, pair {i}", group(model)["frequency"][i], value)
        check_value(model, group(model)["attention_factor"], attention_factor)
        check_value(model, group(model)["softmax_multiplier"], softmax_multiplier)

    pairs("Llama 3.2 1B", {14: "3.211445995e-3", 15: "1.290547928e-3", 16: "4.295567966e-4", 17: "9.708287803e-5",
                           18: "1.946163818e-5", 31: "9.418306725e-8"}, "1.000000000")
    pairs("meta-llama/Meta-Llama-3.1-8B", {28: "3.211445995e-3", 29: "2.166570764e-3", 30: "1.371893568e-3",
                                           32: "5.248461610e-4", 34: "1.785078128e-4", 35: "9.556212354e-5",
                                           63: "3.068925989e-7"}, "1.000000000")
    pairs("openai/gpt-oss-20b", {8: "5.081327482e-2", 9: "3.170569618e-2", 12: "6.794959490e-3", 17: "1.293187012e-4",
                                 18: "3.830881237e-5", 31: "3.023511428e-7"}, "1.346573590")
    pairs("deepseek-ai/DeepSeek-V3", {10: "5.623413252e-2", 11: "3.900692657e-2", 16: "5.500000000e-3",
                                      22: "1.778279410e-4", 23: "3.333803580e-5", 31: "3.333803580e-6"},
          "1.000000000", "1.873854")
    pairs("google/gemma-4-26B-A4B", {1: "9.474635257e-1", 63: "3.337624694e-2"}, "1.000000000")
    for case in (0, 1):
        check_value("Phi-3.5-mini", group("Phi-3.5-mini", case=case)["attention_factor"], "1.190238071")
    for model, twin in (("gpt-oss-120b (OpenAI's config)", "openai/gpt-oss-120b"),
                        ("DeepSeek-V3 (DeepSeek's config)", "deepseek-ai/DeepSeek-V3"),
                        ("DeepSeek-V2-Lite (DeepSeek's config)", "DeepSeek-V2-Lite")):
        assert group(model) == group(twin), model
    assert group("Llama 3.1 8B (params.json)")["frequency"] == group("meta-llama/Meta-Llama-3.1-8B")["frequency"]
    olmo = group("allenai/Olmo-3.1-32B-Instruct")
    check_value("OLMo 3.1", olmo["attention_factor"], "1.207944154")
    assert group("deepseek-ai/DeepSeek-V3")["first_pair"] == [128, 129]
    assert group("Phi-4-mini")["first_pair"] == [0, 48]
    assert group("google/gemma-4-26B-A4B")["first_pair"] == [0, 256]
    assert group("google/gemma-4-26B-A4B", 2)["first_pair"] == [0, 18]
    assert group("meta-llama/Llama-4-Scout-17B-16E-Instruct", 1)["layers"] == list(range(3, 48, 4))
    assert group("Gemma 3 1B")["layers"] == [5, 11, 17, 23]
    assert group("deepseek-ai/DeepSeek-V4-Flash")["layers"] == [0, 1]
    for model, all_cases in expected.items():
        for one in all_cases:
            for part in ("text", "vision"):
                layers = sorted(i for g in one["groups"] if g["part"] == part for i in g["layers"])
                assert layers == list(range(len(layers))), f"{model}: every {part} layer once"


def as_double(value):
    if isinstance(value, Decimal):
        return int(value) if value == int(value) else float(value)
    raise TypeError(type(value))


def main():
    parser = argparse.ArgumentParser(description="computes which rotation each published model has")
    parser.add_argument("--check", action="store_true", help="compare with expected.json and write nothing")
    arguments = parser.parse_args()
    decimal.getcontext().prec = 60
    models = json.loads((HERE / "configs.json").read_text(encoding="utf-8"), parse_float=Decimal)
    check_rules()
    expected = {row["model"]: cases(row["config"]) for row in models}
    assert len(expected) == len(models), "two models of one name"
    check_models(expected)
    lines = [json.dumps({"model": model, "cases": all_cases}, separators=(",", ":"), default=as_double)
             for model, all_cases in expected.items()]
    text = "[\n" + ",\n".join(lines) + "\n]\n"
    if not arguments.check:
        (HERE / "expected.json").write_text(text, encoding="utf-8")
    elif (HERE / "expected.json").read_text(encoding="utf-8") != text:
        sys.exit("expected.json is not what configs.json and these rules give")
    print(f"{len(models)} models, {sum(len(c) for c in expected.values())} cases")


if __name__ == "__main__":
    main()
