"""`rotary doctor --probe` from outside: the file it writes, rotated by NumPy in every dtype, is diagnosed without a config and
with one; faults that other inputs would hide show; bad input has its sentence and writes nothing.

Usage: doctor_probe_cli_test.py PROGRAM
"""

import json
import unittest

import numpy as np

import rotation_oracle as oracle
from cli_case import MEMORY, CliCase

LLAMA = {"model_type": "llama", "head_dim": 64, "num_hidden_layers": 2, "max_position_embeddings": 4096,
         "rope_theta": 10000.0}
KINDS = {"f32": ("F32", lambda x: x.astype(np.float32), np.float64), "f64": ("F64", np.float64, np.float64),
         "f16": ("F16", lambda x: x.astype(np.float16), np.float64), "bf16": ("BF16", oracle.to_bf16, oracle.from_bf16)}


def turned(before, positions, layout="half", theta=1e4):
    angles = np.outer(positions, oracle.frequencies(64, theta))
    return oracle.turn(before, angles[None, :, None], layout)


class ProbeCase(CliCase):
    parent = MEMORY

    def probe(self, dtype, *options):
        """Writes a probe; its numbers and positions, as doubles."""
        path = self.folder / "probe.safetensors"
        run = self.rotary("doctor", "--probe", path, "--head-dim", "64", "--dtype", dtype, *options)
        self.assertEqual(run.returncode, 0, run.stderr)
        tensors = oracle.read(path)
        return KINDS[dtype][2](tensors["before"]).astype(np.float64), tensors["positions"]

    def diagnose(self, before, after, positions, dtype, config=None):
        name, convert, _ = KINDS[dtype]
        path = self.folder / "seen.safetensors"
        oracle.write(path, {"before": (name, convert(before)), "after": (name, convert(after)), "positions": positions})
        options = ()
        if config is not None:
            (self.folder / "config.json").write_text(json.dumps(config))
            options = ("--config", "config.json")
        run = self.rotary("doctor", path, "--json", *options)
        self.assertIn(run.returncode, (0, 4), run.stderr)
        answer = json.loads(run.stdout)
        self.assertEqual(run.returncode == 4, any(f["severity"] == "fault" for f in answer["findings"]))
        return answer


class ProbeTest(ProbeCase):
    def test_every_dtype_holds_the_same(self):
        first, positions = self.probe("f64")
        self.assertEqual(first.shape, (1, 1024, 4, 64))
        self.assertTrue(np.array_equal(positions, np.arange(1024)))
        for dtype in ("f32", "f16", "bf16"):
            self.assertTrue(np.array_equal(self.probe(dtype)[0], first), dtype)

    def test_rotated_elsewhere_it_is_diagnosed(self):
        for dtype in KINDS:
            for layout, theta in (("half", 1e4), ("interleaved", 5e5)):
                with self.subTest(dtype=dtype, layout=layout):
                    before, positions = self.probe(dtype)
                    after = turned(before, positions, layout, theta)
                    answer = self.diagnose(before, after, positions, dtype)
                    self.assertEqual((answer["layout"], answer["theta"], answer["certainty"]), (layout, theta, "certain"))
                    codes = {f["code"] for f in self.diagnose(before, after, positions, dtype, LLAMA)["findings"]
                             if f["severity"] == "fault"}
                    self.assertEqual(codes, set() if layout == "half" else {"layout-differs", "theta-differs"})

    def test_positions_in_bf16_show(self):
        before, positions = self.probe("bf16")
        rounded = oracle.from_bf16(oracle.to_bf16(positions.astype(np.float64)))
        after = turned(before, rounded)
        answer = self.diagnose(before, after, positions, "bf16", LLAMA)
        self.assertIn("positions-rounded", [f["code"] for f in answer["findings"]])


class BadInputTest(ProbeCase):
    def test_sentences(self):
        out = self.folder / "out"
        for options, sentence in [
                ((), "doctor: --probe needs --head-dim"),
                (("--head-dim", 1), "--head-dim must be a whole number of at least 2, got 1"),
                (("--head-dim", 64, "--heads", 5000), "probe: heads must be 1 to 4096, got 5000"),
                (("--head-dim", 64, "--tokens", 2000000), "probe: tokens must be 2 to 1000000, got 2000000"),
                (("--head-dim", 64, "--config", "config.json"), "doctor: --config says nothing about --probe"),
                (("--head-dim", 64, "--positions", "p"), "doctor: --positions says nothing about --probe"),
                (("--head-dim", 64, "--dtype", "i8"), 'doctor: --dtype must be one of f32, bf16, f16, f64, got "i8"')]:
            self.leaves_nothing(self.rotary("doctor", "--probe", out, *options), 2, sentence)
        self.fails(self.rotary("doctor"), 2,
                   "doctor: say what to do by exactly one of FILE (or two .npy files), --tables, --weights, --probe")


if __name__ == "__main__":
    unittest.main()
