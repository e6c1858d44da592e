"""`rotary logits` as a person meets it: the logits of transformers from the folders under tests/golden, and one sentence
with the right exit code (2 wrong usage, 3 a bad file) for what can be wrong, with nothing written.

Usage: logits_cli_test.py PROGRAM
"""

import array
import json
import unittest
from pathlib import Path

from cli_case import CliCase

GOLDEN = Path(__file__).resolve().parent / "golden"


def read_floats(path, name):
    """One f32 tensor of a safetensors file: its shape and its values."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    entry = json.loads(data[8:8 + size])[name]
    begin, end = entry["data_offsets"]
    values = array.array("f")
    values.frombytes(data[8 + size + begin:8 + size + end])
    return entry["shape"], values


class LogitsCliTest(CliCase):
    def setUp(self):
        super().setUp()
        self.out = self.folder / "out.safetensors"

    def logits(self, checkpoint, inputs, *options):
        return self.rotary("logits", checkpoint, inputs, "--out", self.out, *options)

    def golden(self, name, *options):
        run = self.logits(GOLDEN / name, GOLDEN / name / "inputs.safetensors", *options)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout

    def leaves_nothing(self, run, code, sentence):
        super().leaves_nothing(run, code, sentence)
        self.assertEqual(list(self.folder.iterdir()), [])  # no temporary file either

    def test_writes_what_transformers_computes(self):
        # Without padding: every logit counts.
        for name, shape in (("llama_shards", [3, 13, 37]), ("roformer_table", [3, 13, 41])):
            self.assertEqual(self.golden(name), f"logits {shape} written to {self.out}\n")
            expected_shape, expected = read_floats(GOLDEN / name / "logits.safetensors", "logits")
            got_shape, got = read_floats(self.out, "logits")
            self.assertEqual(got_shape, shape)
            self.assertEqual(expected_shape, shape)
            largest = max(map(abs, expected))
            self.assertTrue(all(abs(a - b) <= 1e-5 * largest for a, b in zip(got, expected, strict=True)))

    def test_prints_json(self):
        self.assertEqual(json.loads(self.golden("llama_tied", "--json")),
                         {"out": str(self.out), "shape": [3, 13, 37]})

    def test_any_number_of_threads_gives_the_same_bits(self):
        self.golden("roformer", "--threads", "1")
        one = self.out.read_bytes()
        self.golden("roformer", "--threads", "2")
        self.assertEqual(self.out.read_bytes(), one)

    def test_bad_files(self):
        model, inputs = GOLDEN / "roformer", GOLDEN / "roformer" / "inputs.safetensors"
        self.leaves_nothing(self.logits(self.folder / "none", inputs), 3,
                            f"cannot read {self.folder}/none/config.json: no such file or folder")
        self.leaves_nothing(self.logits(model, self.folder / "none"), 3,
                            f"cannot read {self.folder}/none: no such file or folder")
        self.leaves_nothing(self.logits(model, model / "config.json"), 3,
                            f"cannot read {model}/config.json: not a safetensors file: its header would have "
                            "7234013700659612283 bytes, the limit is 100000000")
        self.leaves_nothing(self.logits(model, model / "logits.safetensors"), 3,
                            f"cannot read {model}/logits.safetensors: unknown tensor logits; known are input_ids, "
                            "attention_mask, token_type_ids and position_ids")
        self.out = self.folder / "no" / "out"
        self.leaves_nothing(self.logits(model, inputs), 3, f"cannot write {self.out}: no such file or folder")

    def test_inputs_that_do_not_fit_the_model(self):
        # 41 words against 37, and token types that a decoder does not have.
        self.leaves_nothing(self.logits(GOLDEN / "llama_tied", GOLDEN / "roformer" / "inputs.safetensors"), 2,
                            "model: this model has no token types")

    def test_wrong_usage(self):
        run = self.rotary("logits", GOLDEN / "roformer")
        self.assertEqual(run.returncode, 2)
        self.assertIn("See `rotary logits --help`.", run.stderr)


if __name__ == "__main__":
    unittest.main()
