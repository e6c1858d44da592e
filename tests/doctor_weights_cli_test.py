"""`rotary doctor --weights` from outside: the layout of models that this program trains, before and after `rotary convert`; of
rows made by NumPy in every form of projections; random weights get no layout; bad input has its sentence.

Usage: doctor_weights_cli_test.py PROGRAM
"""

import json
import shutil
import unittest
from pathlib import Path

import numpy as np

import rotation_oracle as oracle
from cli_case import MEMORY, CliCase

TEXT = Path(__file__).resolve().parent.parent / "docs"
LLAMA = {"model_type": "llama", "head_dim": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
         "max_position_embeddings": 4096, "rope_theta": 10000.0}
NEOX = {"model_type": "gpt_neox", "hidden_size": 256, "num_attention_heads": 4, "num_hidden_layers": 2, "rotary_pct": 0.5,
        "max_position_embeddings": 2048}
PHI3 = {"model_type": "phi3", "hidden_size": 256, "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 2,
        "max_position_embeddings": 4096, "original_max_position_embeddings": 4096, "rope_theta": 10000.0}


class WeightsCase(CliCase):
    parent = MEMORY

    def setUp(self):
        super().setUp()
        self.random = np.random.default_rng(11)

    def ask(self, path, *options):
        run = self.rotary("doctor", "--weights", path, "--json", *options)
        self.assertIn(run.returncode, (0, 4), run.stderr)
        answer = json.loads(run.stdout)
        self.assertEqual(run.returncode == 4, any(f["severity"] == "fault" for f in answer["findings"]))
        return answer

    def says(self, answer, layout, code):
        self.assertEqual((answer["layout"], answer["findings"][0]["code"]), (layout, code), answer)

    def head(self, layout, dim=64, turning=None, grow=0.7):
        """[dim, 32] rows whose lengths grow by pairs; those that do not turn are longest."""
        turning = turning or dim
        pairs = np.arange(turning) % (turning // 2) if layout == "half" else np.arange(turning) // 2
        lengths = np.full(dim, 3.0)
        lengths[:turning] = np.exp(grow * pairs / (turning // 2))
        return lengths[:, None] * self.random.standard_normal((dim, 32))

    def heads(self, count, *arguments, **options):
        return np.concatenate([self.head(*arguments, **options) for _ in range(count)])

    def plain(self, rows):
        return self.random.standard_normal((rows, 32))

    def folder_of(self, config, tensors, convert=lambda x: x.astype(np.float32)):
        folder = self.folder / "model"
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config))
        oracle.write(folder / "model.safetensors", {name: convert(x) for name, x in tensors.items()})
        return folder

    def llama(self, layout, grow=0.7):
        tensors = {}
        for layer in range(2):
            at = f"model.layers.{layer}.self_attn."
            tensors |= {at + "q_proj.weight": self.heads(4, layout, grow=grow),
                        at + "k_proj.weight": self.heads(2, layout, grow=grow), at + "v_proj.weight": self.plain(128)}
        return tensors


class TrainedTest(WeightsCase):
    def test_both_layouts_and_the_way_back(self):
        texts = sorted(TEXT.glob("*.md"))
        for layout, other in (("half", "interleaved"), ("interleaved", "half")):
            with self.subTest(layout):
                run = self.rotary("train", *texts, "--out", layout, "--layout", layout, "--layers", "2", "--model-dim", "64",
                                  "--heads", "2", "--batch", "4", "--context", "64", "--steps", "600", "--threads", "1",
                                  "--evaluation-windows", "2", "--checkpoint-every", "600")
                self.assertEqual(run.returncode, 0, run.stderr)
                checkpoint = self.folder / layout / "step-000600"
                answer = self.ask(checkpoint)
                self.says(answer, layout, "none-found")
                self.assertEqual((answer["certainty"], answer["config_layout"]), ("certain", layout))
                if layout == "interleaved":  # a dialect of ours, which convert does not read
                    config = json.loads((checkpoint / "config.json").read_text())
                    config |= {key: 8 * config[key] for key in ("model_dim", "heads", "kv_heads")}
                    (checkpoint / "config.json").write_text(json.dumps(config))
                    self.fails(self.rotary("doctor", "--weights", checkpoint), 3,
                               f"cannot read {checkpoint / 'model.safetensors'}: layers.0.attention.qkv.weight: it has 192 rows, "
                               "and the heads of the config have more")
                    continue
                run = self.rotary("convert", checkpoint, "--to", other, "--out", "converted")
                self.assertEqual(run.returncode, 0, run.stderr)
                self.says(self.ask(self.folder / "converted"), other, "none-found")
                # The config of before: what a converter that forgets the rows leaves.
                shutil.copy(checkpoint / "config.json", self.folder / "converted" / "config.json")
                answer = self.ask(self.folder / "converted")
                self.says(answer, other, "layout-differs")
                self.assertIn("--to half", answer["verdict"])


class RowsTest(WeightsCase):
    def test_grouped_heads_in_every_dtype(self):
        for layout in ("half", "interleaved"):
            for convert in (lambda x: x, lambda x: x.astype(np.float32), lambda x: x.astype(np.float16),
                            lambda x: ("BF16", oracle.to_bf16(x))):
                folder = self.folder_of(LLAMA, self.llama(layout), convert)
                answer = self.ask(folder)
                self.says(answer, layout, "none-found" if layout == "half" else "layout-differs")
                self.assertEqual(answer["projections"], 4)

    def test_fused_and_partial(self):
        tensors = {}
        for layer in range(2):  # heads of (query, key, value), half of each turning
            tensors[f"gpt_neox.layers.{layer}.attention.query_key_value.weight"] = np.concatenate(
                [part for _ in range(4) for part in (self.head("half", turning=32), self.head("half", turning=32),
                                                     self.plain(64))])
        self.says(self.ask(self.folder_of(NEOX, tensors)), "half", "none-found")
        tensors = {f"model.layers.{layer}.self_attn.qkv_proj.weight":
                   np.concatenate([self.heads(4, "interleaved"), self.heads(2, "interleaved"), self.plain(128)])
                   for layer in range(2)}
        self.says(self.ask(self.folder_of(PHI3, tensors)), "interleaved", "layout-differs")

    def test_a_file_and_another_layout_by_hand(self):
        folder = self.folder_of(LLAMA, self.llama("interleaved"))
        options = ("--config", folder / "config.json", "--layout", "interleaved")
        self.says(self.ask(folder / "model.safetensors", *options), "interleaved", "none-found")

    def test_random_weights_get_no_layout(self):
        for _ in range(20):
            answer = self.ask(self.folder_of(LLAMA, self.llama("half", grow=0)))
            self.says(answer, None, "cannot-tell")
            self.assertEqual(answer["certainty"], "cannot tell")

    def test_text(self):
        run = self.rotary("doctor", "--weights", self.folder_of(LLAMA, self.llama("interleaved")))
        self.assertEqual(run.returncode, 4, run.stderr)
        self.assertTrue(run.stdout.startswith("The weights lie in the interleaved layout, and the config's is half"), run.stdout)
        self.assertIn("0 of 10000 permutations", run.stdout)


class BadInputTest(WeightsCase):
    def test_sentences(self):
        folder = self.folder_of(LLAMA, self.llama("half"))
        weights = folder / "model.safetensors"
        self.fails(self.rotary("doctor", "--weights", weights), 2, "doctor: a single file of weights needs --config")
        self.folder_of(LLAMA, {"model.norm.weight": np.ones(4)})
        self.fails(self.rotary("doctor", "--weights", folder), 3,
                   f"cannot read {weights}: there is no projection of queries or keys")
        name = "model.layers.0.self_attn.q_proj.weight"
        self.folder_of(LLAMA, {name: np.ones((255, 4))})
        self.fails(self.rotary("doctor", "--weights", folder), 3,
                   f"cannot read {weights}: {name} is [255, 4], which is not what 4 query heads of 64 channels and 2 key heads "
                   "of 64 make")
        self.folder_of(LLAMA, {name: np.ones((256, 4))}, lambda x: ("I8", x.astype(np.int8)))
        run = self.rotary("doctor", "--weights", folder)
        self.assertEqual(run.returncode, 3)
        self.assertIn(f"cannot read {weights}: {name} is I8", run.stderr)
        for spoiled, reason in [
                (np.where(np.arange(1024).reshape(256, 4) == 41, np.nan, 1.0), "a number of row 10 is not finite, or too large"),
                (np.full((256, 4), np.inf), "a number of row 0 is not finite, or too large"),
                (np.ones((256, 0)), "there are no numbers: [256, 0]")]:
            self.folder_of(LLAMA, {name: spoiled})
            self.fails(self.rotary("doctor", "--weights", folder), 3, f"cannot read {weights}: {name}: {reason}")
        for flag in ("--layer", "--length", "--part", "--rotation", "--before", "--shape"):
            run = self.rotary("doctor", "--weights", folder, flag, "1")
            self.fails(run, 2, "doctor: say what to do by exactly one of FILE (or two .npy files), --tables, --weights, --probe"
                       if flag == "--before" else f"doctor: {flag} says nothing about --weights")
        own = {"model_type": "rotary"}
        (folder / "config.json").write_text(json.dumps(own))
        self.assertEqual(self.rotary("doctor", "--weights", folder).returncode, 3)


if __name__ == "__main__":
    unittest.main()
