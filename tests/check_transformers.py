#!/usr/bin/env python3
"""Loads model folders that rotary wrote with Hugging Face transformers and compares the logits.

Usage: check_transformers.py [--program build/release/rotary] FOLDER...

Needs torch, transformers and safetensors (pip), so it is not part of ./run test. For a folder of model_type roformer or
llama, every weight must be used, none may be missing, and the logits of `rotary logits` must agree to 1e-4 of the largest;
a folder of model_type rotary must be refused by transformers. Exits 1 where one does not hold.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file

TOLERANCE = 1e-4
BATCH, TOKENS = 3, 24


def random_inputs(config):
    """Rows of 24, 17 and 9 tokens."""
    generator = torch.Generator().manual_seed(0)
    tokens = min(TOKENS, config["max_position_embeddings"])
    mask = torch.ones(BATCH, tokens, dtype=torch.int64)
    mask[1, tokens * 3 // 4:] = 0
    mask[2, tokens * 3 // 8:] = 0
    inputs = {"input_ids": torch.randint(0, config["vocab_size"], (BATCH, tokens), generator=generator),
              "attention_mask": mask}
    if config["model_type"] == "roformer":
        inputs["token_type_ids"] = torch.randint(0, config["type_vocab_size"], (BATCH, tokens), generator=generator)
    else:
        inputs["position_ids"] = torch.arange(tokens).repeat(BATCH, 1) + torch.tensor([[0], [30], [7]])
    return inputs


def our_logits(program, folder, inputs):
    with tempfile.TemporaryDirectory() as scratch:
        save_file(inputs, Path(scratch) / "in.safetensors")
        subprocess.run([program, "logits", folder, Path(scratch) / "in.safetensors", "--out",
                        Path(scratch) / "out.safetensors"], check=True, stdout=subprocess.DEVNULL)
        return load_file(Path(scratch) / "out.safetensors")["logits"]


def check(program, folder):
    """A line about the folder, and whether all is well."""
    config = json.loads((folder / "config.json").read_text())
    if config["model_type"] == "rotary":
        try:
            transformers.AutoConfig.from_pretrained(folder)
        except ValueError:
            return "refused, as it should be", True
        return "transformers loads a model that it cannot compute", False
    architecture = getattr(transformers, config["architectures"][0])
    model, report = architecture.from_pretrained(folder, output_loading_info=True)
    for problem, names in report.items():
        if names:
            return f"{problem}: {sorted(names)}", False
    inputs = random_inputs(config)
    with torch.no_grad():
        expected = model.eval()(**inputs).logits
    there = inputs["attention_mask"].bool()
    difference = (our_logits(program, folder, inputs) - expected)[there].abs().max()
    error = (difference / expected[there].abs().max()).item()
    return f"{config['architectures'][0]}: error {error:.2g} of the largest logit", error <= TOLERANCE


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default="build/release/rotary", type=Path)
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    arguments = parser.parse_args()
    print(f"transformers {transformers.__version__}, torch {torch.__version__}")
    good = True
    for folder in arguments.folders:
        line, holds = check(arguments.program, folder)
        print(f"{folder}: {line}")
        good = good and holds
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
