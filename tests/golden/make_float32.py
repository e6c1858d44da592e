"""Writes float32.json and float32.safetensors: frequencies, cosines and sines as transformers computes them in float.

For each case a config.json, a length, and what the rotary embedding of the newest transformers has for it: inv_freq, and
cos and sin (attention factor included) at the positions. Needs torch, transformers and safetensors:

    python make_float32.py

torch has one code for every CPU and others for AVX2 and AVX-512, whose powers are rounded otherwise now and then: with
these 6 of the 424 frequencies differ from the first's by one unit in the last place and 2 by two. The first is asked here.
"""

import json
import os

os.environ["ATEN_CPU_CAPABILITY"] = "default"

import torch
import transformers
from safetensors.torch import save_file
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

POSITIONS = [0, 1, 7, 2049, 4097, 65537, 131071, 1048575]


def llama(head_dim, theta, most, **scaling):
    config = {"model_type": "llama", "head_dim": head_dim, "hidden_size": 4 * head_dim, "num_attention_heads": 4,
              "num_hidden_layers": 1, "max_position_embeddings": most}
    config["rope_parameters"] = {"rope_type": "default", "rope_theta": theta, **scaling}
    return config


SPREAD = [1 + 0.37 * i for i in range(48)]
CASES = {
    "plain-128": (llama(128, 500000.0, 8192), None),
    "plain-80": (llama(80, 10000.0, 4096), None),
    "linear-96": (llama(96, 10000.0, 4096, rope_type="linear", factor=3.0), None),
    "dynamic-128": (llama(128, 10000.0, 4096, rope_type="dynamic", factor=2.0), 9000),
    "yarn-128": (llama(128, 1e6, 131072, rope_type="yarn", factor=4.0, original_max_position_embeddings=32768), None),
    "yarn-64-not-truncated": (llama(64, 150000.0, 131072, rope_type="yarn", factor=32.0, truncate=False,
                                    original_max_position_embeddings=4096), None),
    "longrope-96": (llama(96, 10000.0, 131072, rope_type="longrope", factor=32.0, long_factor=SPREAD,
                          short_factor=[1.0] * 48, original_max_position_embeddings=4096), 20000),
    "llama3-128": (llama(128, 500000.0, 131072, rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                         original_max_position_embeddings=8192), None),
}


def main():
    tensors, cases = {}, []
    positions = torch.tensor(POSITIONS)
    for name, (config, length) in CASES.items():
        parsed = transformers.LlamaConfig(**{k: v for k, v in config.items() if k != "model_type"})
        kind = config["rope_parameters"]["rope_type"]
        if kind == "default":
            embedding = transformers.models.llama.modeling_llama.LlamaRotaryEmbedding
            inv_freq, factor = embedding.compute_default_rope_parameters(parsed)
        else:
            seq_len = None if length is None else torch.tensor(length)
            inv_freq, factor = ROPE_INIT_FUNCTIONS[kind](parsed, seq_len=seq_len)
        angles = positions[:, None].float() * inv_freq
        tensors[f"{name}.inv_freq"] = inv_freq.contiguous()
        tensors[f"{name}.cos"] = (angles.cos() * factor).contiguous()
        tensors[f"{name}.sin"] = (angles.sin() * factor).contiguous()
        cases.append({"name": name, "config": config, "length": length})
    folder = os.path.dirname(os.path.abspath(__file__))
    save_file(tensors, os.path.join(folder, "float32.safetensors"))
    with open(os.path.join(folder, "float32.json"), "w") as out:
        json.dump({"torch": torch.__version__, "transformers": transformers.__version__, "positions": POSITIONS,
                   "cases": cases}, out, indent=1)
        out.write("\n")


if __name__ == "__main__":
    main()
