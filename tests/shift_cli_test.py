"""`rotary shift` from outside, judged by NumPy: keys of a cache moved, re-based and un-rotated are those that a rotation at the
new position gives, with an attention factor that counts once; other tensors stay; bad input with its sentence.

Usage: shift_cli_test.py PROGRAM
"""

import json
import unittest

import numpy as np

import rotation_oracle as oracle
from cli_case import MEMORY, CliCase

DYNAMIC = {"model_type": "llama", "head_dim": 64, "num_hidden_layers": 1, "max_position_embeddings": 4096,
           "rope_parameters": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}}
YARN = {**DYNAMIC, "rope_parameters": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 8.0, "attention_factor": 1.25,
                                       "original_max_position_embeddings": 512}}
PLAIN = {**DYNAMIC, "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}}


class ShiftTest(CliCase):
    parent = MEMORY

    def setUp(self):
        super().setUp()
        self.random = np.random.default_rng(3)
        self.input = self.folder / "cache.safetensors"
        self.out = self.folder / "out.safetensors"
        for name, config in (("dynamic", DYNAMIC), ("yarn", YARN), ("plain", PLAIN)):
            (self.folder / f"{name}.json").write_text(json.dumps(config))
        self.keys = self.random.standard_normal((2, 5, 3, 64))
        self.at = np.array([[0, 1, 7, 2049, 131071], [5, 6, 7, -3, 1048575]])

    def frequencies(self, config, *options):
        run = self.rotary("inspect", f"{config}.json", "--json", *options)
        return np.array(json.loads(run.stdout)["layers"][0]["query"]["frequency"])[:, 0]

    def rotated(self, at, frequencies, factor=1.0):
        return oracle.turn(self.keys, np.asarray(at)[:, :, None, None] * frequencies, factor=factor)

    def shift(self, tensors, config, *options):
        oracle.write(self.input, {**tensors, "v": self.random.standard_normal((2, 3)), "at": self.at})
        run = self.rotary("shift", self.input, "--config", f"{config}.json", "--out", self.out, *options)
        self.assertEqual(run.returncode, 0, run.stderr)
        after, before = oracle.read(self.out), oracle.read(self.input)
        for name in ("v", "at"):
            self.assertEqual(after[name].tobytes(), before[name].tobytes())
        return after["k"]

    def near(self, got, wanted, tolerance=1e-9):
        # NumPy's own product of frequency and position is off by 1e-10 at a million.
        worst = np.max(np.abs(got - wanted))
        self.assertTrue(worst <= tolerance, f"{worst} is more than {tolerance}")

    def test_moved_by_a_number(self):
        w = self.frequencies("yarn")
        k = self.rotated(self.at, w, 1.25)
        self.near(self.shift({"k": k}, "yarn", "--by", "-128"), self.rotated(self.at - 128, w, 1.25))
        # Ten moves: the factor is still there once.
        for _ in range(10):
            self.rotary("shift", self.out, "--config", "yarn.json", "--out", self.out, "--by=12.5")
        self.near(oracle.read(self.out)["k"], self.rotated(self.at - 3, w, 1.25))

    def test_moved_by_deltas(self):
        w = self.frequencies("plain")
        deltas = self.random.integers(-100, 100, (2, 5))
        k = self.shift({"k": self.rotated(self.at, w), "d": deltas}, "plain", "--deltas", "d")
        self.near(k, self.rotated(self.at + deltas, w))
        narrow = oracle.to_bf16(self.rotated(self.at, w))
        k = self.shift({"k": ("BF16", narrow), "d": deltas[0]}, "plain", "--deltas", "d")
        self.near(oracle.from_bf16(k), self.rotated(self.at + deltas[0], w), 0.04)

    def test_re_based_to_another_length_or_rotation(self):
        before, after = self.frequencies("dynamic", "--length", 5000), self.frequencies("dynamic", "--length", 9000)
        self.assertGreater(np.max(np.abs(before - after)), 1e-4)
        k = self.rotated(self.at, before)
        self.near(self.shift({"k": k}, "dynamic", "--positions", "at", "--length", 5000, "--to-length", 9000),
                  self.rotated(self.at, after))
        later = self.at * 2
        got = self.shift({"k": k, "later": later}, "dynamic", "--length", 5000, "--to-config", "yarn.json", "--positions", "at",
                         "--to-positions", "later")
        self.near(got, self.rotated(later, self.frequencies("yarn"), 1.25))

    def test_frequencies_from_a_file_are_those_of_before(self):
        w = np.linspace(1, 0.01, 32)
        (self.folder / "w.json").write_text(json.dumps(w.tolist()))
        k = self.rotated(self.at, w)
        given = ("--frequencies", "w.json", "--positions", "at")
        self.near(self.shift({"k": k}, "dynamic", *given, "--to-length", 9000),
                  self.rotated(self.at, self.frequencies("dynamic", "--length", 9000)))
        self.near(self.shift({"k": k, "later": self.at + 1}, "dynamic", *given, "--to-positions", "later"),
                  self.rotated(self.at + 1, w))

    def test_un_rotated(self):
        k = self.rotated(self.at, self.frequencies("yarn"), 1.25)
        self.near(self.shift({"k": k}, "yarn", "--unrotate", "--positions", "at"), self.keys)
        k = self.rotated(np.tile(np.arange(5), (2, 1)), self.frequencies("yarn"), 1.25).transpose(0, 2, 1, 3)
        got = self.shift({"k": k}, "yarn", "--unrotate", "--shape", "bhtd")
        self.near(got.transpose(0, 2, 1, 3), self.keys)

    def test_output(self):
        oracle.write(self.input, {"a.k": np.ones((1, 1, 64), np.float32), "b": np.ones((0, 1, 64), np.float32)})
        run = self.rotary("shift", self.input, "--config", "plain.json", "--out", self.out, "--by", 3, "--tensors", "a.k,b")
        self.assertEqual(run.stdout, f"a.k [1, 1, 64] f32 moved\nb [0, 1, 64] f32 moved\nwritten to {self.out}\n")
        run = self.rotary("shift", self.input, "--config", "plain.json", "--out", self.out, "--unrotate", "--tensors", "b", "--json")
        self.assertEqual(json.loads(run.stdout), {"out": str(self.out), "action": "un-rotated", "tensors": ["b"]})

    def test_bad_input(self):
        oracle.write(self.input, {"k": np.ones((3, 1, 64)), "d": np.arange(4)})

        def sentence(code, text, *options):
            run = self.rotary("shift", self.input, "--out", self.out, *options)
            self.leaves_nothing(run, code, text)

        plain = ("--config", "plain.json")
        what = ("shift: say one thing to do: --by, --deltas, --unrotate, or --to-config, --to-rotation, --to-length and "
                "--to-positions")
        sentence(2, what, *plain)
        sentence(2, what, *plain, "--by", 3, "--unrotate")
        sentence(2, "shift: --positions are for keys that are re-based or un-rotated; moved ones may be anywhere", *plain, "--by",
                 3, "--positions", "d")
        sentence(3, f"cannot read {self.input}: there is no tensor e; it holds k, d", *plain, "--deltas", "e")
        sentence(3, f"cannot read {self.input}: there is no tensor key; it holds k, d", *plain, "--by", 1, "--tensors", "key")
        sentence(2, "shift: k: rotate: 4 positions for 3 tokens", *plain, "--deltas", "d")
        sentence(2, "shift: k: rebase: the positions before and after must be alike in shape, got [3] and [4]", *plain,
                 "--to-positions", "d")
        sentence(2, "shift: say which rotation, by --config or --rotation", "--by", 3)
        sentence(2, "--by must be a number, got x", *plain, "--by", "x")
        sentence(2, "--centre must be a number, got nan", *plain, "--by", 3, "--centre", "nan")
        rotation = {"head_dim": 64, "attention_factor": 1, "axes": 1, "first": [0], "second": [1], "frequency": [[1]]}
        (self.folder / "other.json").write_text(json.dumps(rotation))
        (self.folder / "jepa.json").write_text(json.dumps({**rotation, "second_frequency": [[2]]}))
        sentence(2, "shift: k: rebase: the two rotations pair other channels", *plain, "--to-rotation", "other.json")
        sentence(2, "shift: --to-length is for a config", "--rotation", "other.json", "--to-length", 3)
        sentence(2, "shift: a rotation with a second frequency is no group, its keys cannot be moved", "--rotation", "jepa.json",
                 "--by", 3)


if __name__ == "__main__":
    unittest.main()
