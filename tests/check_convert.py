#!/usr/bin/env python3
"""Compares models of transformers before and after `rotary convert`: tiny random ones of every way in which queries and keys
lie in a checkpoint. The converted one runs with a rotation of the other layout in the place of transformers' own; its logits
must be those of before, and converting back must give the same bytes.

Usage: check_convert.py PROGRAM [FAMILY...]

Needs torch and transformers (pip), so it is not part of `./run test`.
"""

import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers

SMALL = {"vocab_size": 61, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48,
         "max_position_embeddings": 64, "pad_token_id": 0}
FALCON = {"vocab_size": 61, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
GPT = {"vocab_size": 61, "n_positions": 64, "n_embd": 32, "n_layer": 2, "n_head": 4, "rotary_dim": 4}
GROUPED = {**SMALL, "num_key_value_heads": 2}
# name: the class without ForCausalLM, the config's class without Config, its arguments
CASES = {
    "codegen": ("CodeGen", "CodeGen", GPT),
    "deepseek_v3": ("DeepseekV3", "DeepseekV3", {**SMALL, "q_lora_rank": 12, "kv_lora_rank": 8, "qk_nope_head_dim": 8,
                                                 "qk_rope_head_dim": 4, "v_head_dim": 8, "first_k_dense_replace": 2}),
    "falcon": ("Falcon", "Falcon", {**FALCON, "bias": True}),
    "falcon_40b": ("Falcon", "Falcon", {**FALCON, "num_kv_heads": 2, "new_decoder_architecture": True}),
    "falcon_rw": ("Falcon", "Falcon", {**FALCON, "multi_query": False, "alibi": False}),
    "gemma3": ("Gemma3", "Gemma3Text", {**GROUPED, "head_dim": 8, "sliding_window": 8}),
    "gpt_neox": ("GPTNeoX", "GPTNeoX", {**SMALL, "rotary_pct": 0.5}),
    "gpt_oss": ("GptOss", "GptOss", {**GROUPED, "head_dim": 8, "num_local_experts": 2, "num_experts_per_tok": 1}),
    "gptj": ("GPTJ", "GPTJ", GPT),
    "hunyuan": ("HunYuanDenseV1", "HunYuanDenseV1", {**GROUPED, "head_dim": 8}),
    "llama": ("Llama", "Llama", {**GROUPED, "attention_bias": True}),
    "mixtral": ("Mixtral", "Mixtral", {**GROUPED, "num_local_experts": 2}),
    "nemotron": ("Nemotron", "Nemotron", GROUPED),
    "olmo2": ("Olmo2", "Olmo2", GROUPED),
    "persimmon": ("Persimmon", "Persimmon", SMALL),
    "phi": ("Phi", "Phi", {**SMALL, "qk_layernorm": True}),
    "phi3": ("Phi3", "Phi3", GROUPED),
    "qwen3": ("Qwen3", "Qwen3", {**GROUPED, "head_dim": 8}),
    "smollm3": ("SmolLM3", "SmolLM3", {**GROUPED, "no_rope_layers": [1, 0]}),
    "stablelm": ("StableLm", "StableLm", {**GROUPED, "qk_layernorm": True, "partial_rotary_factor": 0.5}),
}
OTHER = {"half": "interleaved", "interleaved": "half"}


def neighbours(q, k, cos, sin, *_, unsqueeze_dim=1, **__):
    """apply_rotary_pos_emb of half models, with pairs of neighbours."""
    def turn(x):
        d = cos.shape[-1] if cos.shape[-1] * 2 != x.shape[-1] or not HALF_WIDTH else x.shape[-1]
        c, s = (t[..., :d // 2].repeat_interleave(2, -1).unsqueeze(unsqueeze_dim) for t in (cos, sin))
        r, rest = x[..., :d], x[..., d:]
        return torch.cat((r * c + torch.stack((-r[..., 1::2], r[..., 0::2]), -1).flatten(-2) * s, rest), -1)
    return turn(q), turn(k)


def halves(x, sin, cos):
    """apply_rotary_pos_emb of GPT-J and CodeGen, with pairs of two halves."""
    c, s = (torch.cat((t, t), -1)[:, :, None] for t in (cos, sin))
    a, b = x.chunk(2, -1)
    return x * c + torch.cat((-b, a), -1) * s


def randomise(model):
    for name, parameter in model.named_parameters():
        scale = 0.3 if parameter.dim() == 1 else parameter.shape[-1] ** -0.5
        gain = 1.0 if "norm" in name and name.endswith("weight") else 0.0
        parameter.data = torch.randn_like(parameter) * scale + gain


def check(program, folder, name):
    global HALF_WIDTH
    model_name, config_name, arguments = CASES[name]
    model_class = getattr(transformers, model_name + "ForCausalLM")
    ids = torch.randint(0, 61, (2, 20))
    model = model_class(getattr(transformers, config_name + "Config")(**arguments)).eval()
    randomise(model)
    first, second, back = (folder / f"{name}-{part}" for part in ("first", "second", "back"))
    model.save_pretrained(first)
    wanted = model_class.from_pretrained(first).eval()(ids).logits.detach()
    layout = "interleaved" if name in ("codegen", "gptj", "deepseek_v3") else "half"
    for source, out, to in ((first, second, OTHER[layout]), (second, back, layout)):
        subprocess.run([program, "convert", source, "--out", out, "--to", to], check=True, stdout=subprocess.DEVNULL)
    module = importlib.import_module(model_class.__module__)
    own = module.apply_rotary_pos_emb
    HALF_WIDTH = name == "gpt_oss"  # its tables have a column a pair
    if name != "deepseek_v3":  # reads the layout from its config
        module.apply_rotary_pos_emb = neighbours if layout == "half" else halves
    # The config of before, as its model_type tells transformers how the experts of a file lie.
    config = None if name == "deepseek_v3" else model.config
    got = model_class.from_pretrained(second, config=config).eval()(ids).logits.detach()
    module.apply_rotary_pos_emb = own
    error = ((got - wanted).abs().max() / wanted.abs().max()).item()
    same = all(path.read_bytes() == (back / path.name).read_bytes() for path in first.iterdir())
    good = error <= 1e-5 and same
    print(f"{'ok    ' if good else 'FAILED'} {name:12} to {OTHER[layout]:11} largest error {error:.1e} of the largest logit; "
          f"back: {'the same bytes' if same else 'OTHER BYTES'}")
    return good


def main():
    program, names = str(Path(sys.argv[1]).resolve()), sys.argv[2:] or sorted(CASES)
    transformers.logging.set_verbosity_error()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        results = [check(program, Path(folder), name) for name in names]
    print(f"{sum(results)} of {len(results)}, transformers {transformers.__version__}, torch {torch.__version__}")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
