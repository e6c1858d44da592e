#!/usr/bin/env python3
"""Makes the models and logits beside this file with Hugging Face transformers, for golden_test.cc.

Usage: make_transformers.py [FOLDER]    (FOLDER: where to write; default: beside this file)

Needs torch, transformers and safetensors (pip); the versions that were used stand in the metadata of every
logits.safetensors. Each folder holds a tiny random model as transformers saves it, the inputs in the form that
`rotary logits` reads, and the logits that transformers computes from them in float32. All weights are random, gains, biases and token types included:
what is zero or one by default hides a missing term.
"""
import json
import platform
import sys
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import (LlamaConfig, LlamaForCausalLM, RoFormerConfig, RoFormerForCausalLM,
                          RoFormerForMaskedLM)

BATCH, TOKENS = 3, 13


def randomise(model, seed):
    """Weights of about unit gain, gains around 1, large biases."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if "embed_positions" in name:
            continue
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.dim() == 1:
            is_gain = name.endswith("weight")
            parameter.data = 0.3 * noise + (1.0 if is_gain else 0.0)
        elif "embed" in name and "project" not in name:
            parameter.data = noise
        else:
            parameter.data = noise * 1.5 / parameter.shape[1] ** 0.5
    return model.eval()


def padded_mask(left):
    """Rows of 13, 9 and 5 tokens; the padding after them, or before the second row where `left`."""
    mask = torch.ones(BATCH, TOKENS, dtype=torch.int64)
    mask[1, :4 if left else 0] = 0
    mask[1, TOKENS if left else 9:] = 0
    mask[2, 5:] = 0
    return mask


def save(root, name, model, seed, inputs, edit=None, **save_options):
    folder = root / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    model.save_pretrained(folder, **save_options)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if edit:
        edit(folder)
    # From the folder, as everybody would: model.bfloat16() has rounded its frequencies too, which no file holds.
    model = type(model).from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        logits = model(**inputs).logits
    versions = {"torch": torch.__version__, "transformers": transformers.__version__,
                "python": platform.python_version(), "script": "tests/golden/make_transformers.py", "seed": str(seed)}
    save_file({key: value.contiguous() for key, value in inputs.items()}, folder / "inputs.safetensors")
    save_file({"logits": logits.contiguous()}, folder / "logits.safetensors", versions)
    print(f"{name}: logits up to {logits.abs().max():.3g}, "
          f"{sum(file.stat().st_size for file in folder.iterdir())} bytes")


def make_version4(folder):
    """Theta beside the other keys, no head_dim, buffers of the rotation in the file: as version 4 wrote it."""
    tensors = load_file(folder / "model.safetensors")
    for layer in range(2):
        tensors[f"model.layers.{layer}.self_attn.rotary_emb.inv_freq"] = 1234.5 ** (-torch.arange(0, 6, 2) / 6)
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    for key in ("rope_parameters", "head_dim", "dtype"):
        del config[key]
    config |= {"rope_theta": 1234.5, "rope_scaling": None, "torch_dtype": "float32", "transformers_version": "4.41.2"}
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def inputs_of(seed, vocab_size, **more):
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(0, vocab_size, (BATCH, TOKENS), generator=generator)
    return {"input_ids": ids} | more


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent
    types = torch.randint(0, 3, (BATCH, TOKENS), generator=torch.Generator().manual_seed(5))
    roformer = {"vocab_size": 41, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3,
                "intermediate_size": 40, "max_position_embeddings": 32, "type_vocab_size": 3}

    # A projection after the embeddings, token types, padding at the end.
    model = randomise(RoFormerForMaskedLM(RoFormerConfig(embedding_size=16, **roformer)), 1)
    save(root, "roformer", model, 1,
         inputs_of(1, 41, attention_mask=padded_mask(left=False), token_type_ids=types))

    # Another head than the words, both biases, an epsilon that shows, and a table of positions that is not the formula:
    # the frequencies of theta 500 at a quarter of the speed.
    config = RoFormerConfig(tie_word_embeddings=False, layer_norm_eps=0.1, **roformer)
    model = randomise(RoFormerForMaskedLM(config), 2)
    angles = torch.outer(torch.arange(32, dtype=torch.float64) / 4,
                         500.0 ** (-torch.arange(0, 8, 2, dtype=torch.float64) / 8))
    model.roformer.encoder.embed_positions.weight.data = torch.cat([angles.sin(), angles.cos()], 1).float()
    save(root, "roformer_table", model, 2, inputs_of(2, 41, token_type_ids=types))

    # Causal.
    model = randomise(RoFormerForCausalLM(RoFormerConfig(is_decoder=True, embedding_size=16, **roformer)), 3)
    save(root, "roformer_causal", model, 3, inputs_of(3, 41, attention_mask=padded_mask(left=False), token_type_ids=types))

    llama = {"vocab_size": 37, "hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4,
             "intermediate_size": 40, "max_position_embeddings": 256}
    # Tied, two query heads a key head, heads wider than hidden_size / heads, padding on both sides, positions of the
    # tokens that are there.
    config = LlamaConfig(num_key_value_heads=2, head_dim=10, tie_word_embeddings=True, rms_norm_eps=0.05,
                         rope_parameters={"rope_type": "default", "rope_theta": 500000.0}, **llama)
    model = randomise(LlamaForCausalLM(config), 4)
    mask = padded_mask(left=True)
    positions = (mask.cumsum(1) - 1).clamp(min=0) + torch.tensor([[0], [90], [7]])
    save(root, "llama_tied", model, 4, inputs_of(4, 37, attention_mask=mask, position_ids=positions))

    # Untied, biases everywhere, one key head for all, bf16 in shards.
    config = LlamaConfig(num_key_value_heads=1, attention_bias=True, mlp_bias=True, **llama)
    model = randomise(LlamaForCausalLM(config), 5).bfloat16()
    save(root, "llama_shards", model, 5, inputs_of(5, 37), max_shard_size="9KB")

    config = LlamaConfig(rope_parameters={"rope_type": "default", "rope_theta": 1234.5}, **llama)
    model = randomise(LlamaForCausalLM(config), 6)
    save(root, "llama_version4", model, 6, inputs_of(6, 37, attention_mask=padded_mask(left=False)), edit=make_version4)


if __name__ == "__main__":
    main()
