"""Writes the stories of docs/cases.md: what a config asked for, queries before, and after what the real code did to them.

Usage: make_stories.py FOLDER

The rotation is that of this folder's judge (turning.py); what was done stands in the threads that the page names. Each
function gives the config, the Run that the config means, and the Run that happened.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import cases  # noqa: E402
import faults  # noqa: E402
import rotation_oracle as files  # noqa: E402
from rope import Rope  # noqa: E402
from turning import Run, turn  # noqa: E402


def counted(first, tokens, rows=1):
    return np.broadcast_to(first + np.arange(tokens), (rows, tokens))[:, :, None]


def config(family, head_dim, trained, **keys):
    return {"model_type": family, "hidden_size": 2 * head_dim, "head_dim": head_dim, "num_attention_heads": 2,
            "num_hidden_layers": 1, "max_position_embeddings": trained, **keys}


def lost_theta():
    """A loader that knows the older keys alone finds none of them."""
    llama3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    asked = Run(Rope(64, 64, theta=500000.0, rule="llama3", scaling={**llama3, "original": 8192}), counted(0, 24),
                "float32", head_count=2)
    done = replace(asked, rope=Rope(64, 64, theta=10000.0))
    return config("llama", 64, 65536, rope_parameters={"rope_type": "llama3", "rope_theta": 500000.0, **llama3,
                                                       "original_max_position_embeddings": 8192}), asked, done


def factor_twice():
    """The final factor of the config is taken for a multiplier of the formula's."""
    asked = Run(Rope(64, 64, theta=500000.0, rule="yarn", scaling={"factor": 128.0, "original": 8192}), counted(0, 24),
                "float32", head_count=2)
    return config("llama", 64, 1048576, rope_theta=500000.0,
                  rope_scaling={"rope_type": "yarn", "factor": 128.0, "original_max_position_embeddings": 8192}), asked, \
        replace(asked, factor_power=2)


def bf16_frequencies():
    """Frequencies take the dtype of the activations before they meet the positions."""
    asked = Run(Rope(128, 128), counted(500, 24), "tables", "bf16", head_count=1)
    return config("llama", 128, 4096, rope_theta=10000.0), asked, replace(asked, rounded={"frequencies": "bf16"})


def bf16_positions():
    """Frequencies, positions, their product and its sine are all bf16."""
    asked = Run(Rope(128, 128, theta=1000000.0), counted(15950, 24), "tables", "bf16", head_count=1)
    every = dict.fromkeys(("frequencies", "positions", "angles", "tables"), "bf16")
    return config("qwen2", 128, 32768, rope_theta=1000000.0), asked, replace(asked, rounded=every)


def tf32_positions():
    """Angles by a matrix product whose operands the hardware rounds to TF32."""
    asked = Run(Rope(64, 64, theta=500000.0), counted(4090, 12, rows=2), "float32", head_count=2)
    return config("llama", 64, 8192, rope_theta=500000.0), asked, \
        replace(asked, rounded={"frequencies": "tf32", "positions": "tf32"})


def indexer_layout():
    """The indexer turns halves, the main attention beside it neighbours: one flag for both."""
    asked = Run(Rope(64, 32), counted(0, 24), "float32", head_count=2)
    return {"model_type": "deepseek_v32", "num_hidden_layers": 1, "qk_nope_head_dim": 32, "qk_rope_head_dim": 32,
            "index_head_dim": 64, "index_n_heads": 2, "index_topk": 2048, "max_position_embeddings": 163840,
            "rope_theta": 10000.0}, asked, faults.layout_differs(asked)[0]


def mismatched_tables():
    """A table with each angle twice in a row, a rotation by halves."""
    asked = Run(Rope(64, 64, theta=256.0), counted(0, 24), "float32", head_count=2)
    return config("llama", 64, 4096, rope_theta=256.0), asked, replace(asked, mismatched=True)


def ignored_positions():
    """Three texts packed into one row: the positions begin anew, the table is read from 0 to the end."""
    positions = np.concatenate([np.arange(10), np.arange(6), np.arange(8)])[None, :, None]
    asked = Run(Rope(64, 64), positions, "float32", head_count=2)
    return config("llama", 64, 4096, rope_theta=10000.0), asked, replace(asked, positions=counted(0, 24))


def unwritten_rows():
    """One new token for each of four texts: a kernel that writes the first."""
    asked = Run(Rope(64, 64), counted(6, 1, rows=4), "float32", head_count=4)

    def first_row(y):
        return np.where(np.arange(len(y))[:, None, None, None] == 0, y, 0.0)
    return config("llama", 64, 4096, rope_theta=10000.0), asked, replace(asked, spoil=first_row)


def rotated_twice():
    """Python rotates, then the kernel that also prepares the cache."""
    scaling = {"factor": 32.0, "original": 4096, "truncate": False}
    asked = Run(Rope(64, 64, theta=150000.0, rule="yarn", scaling=scaling), counted(0, 24), "float32", head_count=2)
    return config("gpt_oss", 64, 131072, layer_types=["full_attention"], rope_theta=150000.0, rope_scaling={
        "rope_type": "yarn", "factor": 32.0, "beta_fast": 32.0, "beta_slow": 1.0, "truncate": False,
        "original_max_position_embeddings": 4096}), asked, replace(asked, times=2)


STORIES = (lost_theta, factor_twice, bf16_frequencies, bf16_positions, tf32_positions, indexer_layout, mismatched_tables,
           ignored_positions, unwritten_rows, rotated_twice)


def main():
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for number, story in enumerate(STORIES):
        keys, asked, done = story()
        rows, tokens, _ = asked.positions.shape
        x = cases.inputs(rows, tokens, asked.head_count, asked.rope.head_dim, asked.dtype, np.random.default_rng(number))
        after = turn(done, x)[0]
        files.write(folder / f"{story.__name__}.safetensors",
                    {"before": cases.stored(x, asked.dtype, "bthd"), "after": cases.stored(after, asked.dtype, "bthd"),
                     "positions": asked.positions[:, :, 0].astype(np.int64)})
        (folder / f"{story.__name__}.json").write_text(json.dumps(keys, indent=1) + "\n")


if __name__ == "__main__":
    main()
