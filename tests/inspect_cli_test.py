"""`rotary inspect` from outside: the page of text, the page with charts, the JSON, one layer, another length,
two models beside each other, the registry of families, files other than config.json, and bad input."""

import json
import math
import struct
import subprocess
import unittest
from pathlib import Path

from cli_case import PROGRAM, CliCase

LLAMA = {"model_type": "llama", "hidden_size": 4096, "num_attention_heads": 32, "num_hidden_layers": 32,
         "max_position_embeddings": 131072, "rope_theta": 500000.0,
         "rope_scaling": {"factor": 8.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                          "original_max_position_embeddings": 8192, "rope_type": "llama3"}}
GEMMA = {"model_type": "gemma3_text", "head_dim": 256, "num_hidden_layers": 12, "sliding_window": 512,
         "sliding_window_pattern": 6, "max_position_embeddings": 32768}
DYNAMIC = {"model_type": "llama", "head_dim": 128, "num_hidden_layers": 1, "max_position_embeddings": 4096,
           "rope_scaling": {"type": "dynamic", "factor": 2.0}}


def gguf_header(architecture, sizes, tensor=None, length=0):
    """A GGUF file up to its data: sizes by key, and one f32 tensor of this length."""
    def text(value):
        return struct.pack("<Q", len(value)) + value.encode()
    header = b"GGUF" + struct.pack("<IQQ", 3, tensor is not None, 1 + len(sizes))
    header += text("general.architecture") + struct.pack("<I", 8) + text(architecture)
    for key, value in sizes.items():
        header += text(f"{architecture}.{key}") + struct.pack("<II", 4, value)
    if tensor:
        header += text(tensor) + struct.pack("<IQIQ", 1, length, 0, 0)
    return header + bytes(-len(header) % 32)


class InspectTest(CliCase):
    def config(self, name, content):
        path = self.folder / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def inspect(self, *arguments):
        run = self.rotary("inspect", *arguments, "--json")
        self.assertEqual(run.returncode, 0, run.stderr)
        return json.loads(run.stdout)

    def test_json(self):
        report = self.inspect(self.config("a.json", LLAMA))
        self.assertEqual(list(report), ["model_type", "length", "layers", "warnings", "fingerprint"])
        self.assertEqual(report["model_type"], "llama")
        (group,) = report["layers"]
        self.assertEqual(group["layers"], list(range(32)))
        self.assertEqual((group["part"], group["name"], group["layout"]), ("text", "all", "half"))
        self.assertEqual((group["rotary_dim"], group["offset"], group["softmax_multiplier"]), (128, 0, 1))
        self.assertIsNone(group["query_temperature"])
        self.assertEqual(group["query"], group["key"])
        frequency = group["query"]["frequency"]
        self.assertEqual(len(frequency), 64)
        self.assertTrue(math.isclose(frequency[32][0], 5.248461610e-4, rel_tol=1e-9))
        self.assertTrue(math.isclose(frequency[63][0], 500000 ** (-126 / 128) / 8, rel_tol=1e-14))
        self.assertEqual(len(report["fingerprint"]), 16)

    def test_an_out_that_is_an_input(self):
        path = self.config("a.json", LLAMA)
        before = path.read_bytes()
        self.fails(self.rotary("inspect", path, "--out", "a.json"), 2, "inspect: --out a.json is an input, which would be lost")
        weights = self.folder / "weights"
        weights.mkdir()
        for name in ("model.safetensors.index.json", "model-00001-of-00002.safetensors", "page.html"):
            (weights / name).write_text("{}")
        for given, out in (("weights", "model-00001-of-00002.safetensors"), ("weights", "model.safetensors.index.json"),
                           ("weights/model.safetensors.index.json", "model-00001-of-00002.safetensors")):
            run = self.rotary("inspect", path, "--weights", given, "--out", f"weights/{out}")
            self.fails(run, 2, f"inspect: --out weights/{out} is an input, which would be lost")
        # Another file beside the weights is no input.
        run = self.rotary("inspect", path, "--weights", "weights", "--out", "weights/page.html")
        self.assertNotIn("is an input", run.stderr)
        self.assertEqual(path.read_bytes(), before)

    @unittest.skipUnless(Path("/dev/full").exists(), "only Linux has /dev/full")
    def test_output_that_cannot_be_written(self):
        path = self.config("a.json", LLAMA)
        for arguments in (("inspect", path), ("inspect", path, "--json"), ("inspect", "--families"), ("--help",),
                          ("inspect", "--help"), ("--version",)):
            with open("/dev/full", "w") as full:
                run = subprocess.run([PROGRAM, *map(str, arguments)], stdout=full, stderr=subprocess.PIPE, text=True)
            self.assertEqual(run.returncode, 3, arguments)
            # The reason is gone where a write before the last one failed.
            self.assertRegex(run.stderr, r"^cannot write standard output: (the disk is full|a write failed)\n$")

    def test_flags_that_take_a_number(self):
        path = self.config("a.json", LLAMA)
        for flag, value, rule in (("--layer", "-1", "a whole number of at least 0"), ("--layer", "x", "a whole number of at least 0"),
                                  ("--layer", "3000000000", "a whole number of at most 2147483647"),
                                  ("--length", "0", "a whole number of at least 1"), ("--length", "x", "a whole number of at least 1"),
                                  ("--length", "1.5", "a whole number of at least 1"),
                                  ("--length", "nan", "a whole number of at least 1"),
                                  ("--length", "1e10", "a whole number of at most 2147483647")):
            self.fails(self.rotary("inspect", path, flag, value), 2, f"{flag} must be {rule}, got {value}")
        self.fails(self.rotary("demo", path, "--out", "o", "--threads", "-1"), 2,
                   "--threads must be a whole number of at least 0, got -1")
        self.fails(self.rotary("demo", path, "--out", "o", "--minutes", "0"), 2, "--minutes must be a number above 0, got 0")
        self.assertEqual(self.inspect(path, "--length", "1e4")["length"], 10000)

    def test_pipes_and_folders(self):
        wanted = self.rotary("inspect", self.config("config.json", LLAMA)).stdout
        self.assertEqual(self.rotary("inspect", "/dev/stdin", input=json.dumps(LLAMA)).stdout, wanted)
        self.assertEqual(self.rotary("inspect", self.folder).stdout, wanted)
        self.assertEqual(self.rotary("inspect", ".").stdout, wanted)
        (self.folder / "config.json").unlink()
        self.fails(self.rotary("inspect", self.folder), 3,
                   f"cannot read {self.folder}: the folder holds neither config.json nor params.json")
        self.fails(self.rotary("inspect", self.folder, "--out", "page.html"), 3,
                   f"cannot read {self.folder}: the folder holds neither config.json nor params.json")

    def test_flags_that_would_do_nothing(self):
        path = self.config("a.json", {**LLAMA, "rope_thta": 1})
        self.assertEqual(self.inspect(path, "--ignore", "rope_thta")["warnings"], [])
        self.assertEqual(self.inspect(path, "--ignore", "rope_thta", "--ignore", "nothing")["warnings"],
                         [f"--ignore nothing: {path} has no such key"])
        for more in ((path,), ("--layer", 3), ("--length", 5), ("--layout", "half"), ("--ignore", "x")):
            run = self.rotary("inspect", "--families", *more)
            self.assertEqual((run.returncode, run.stdout), (2, ""), more)
            self.assertIn("excludes", run.stderr)

    def test_files_without_model_type(self):
        params = self.inspect(self.config("params.json", {
            "dim": 4096, "n_layers": 32, "n_heads": 32, "multiple_of": 1024, "rope_theta": 500000.0,
            "use_scaled_rope": True}))
        self.assertEqual(params["layers"][0]["layout"], "interleaved")
        frequency = params["layers"][0]["query"]["frequency"]
        self.assertTrue(math.isclose(frequency[32][0], 5.248461610e-4, rel_tol=1e-9))
        self.assertTrue(params["warnings"][0].startswith("use_scaled_rope does not say the factor: 8"))

        sizes = {"block_count": 2, "embedding_length": 4096, "attention.head_count": 32}
        header = gguf_header("llama", sizes, "rope_freqs.weight", 64)
        path = self.folder / "model.gguf"
        path.write_bytes(header + struct.pack("<64f", *[2.0] * 64))
        model = self.inspect(path)
        self.assertEqual((model["model_type"], model["layers"][0]["layout"]), ("gguf/llama", "interleaved"))
        self.assertEqual(model["layers"][0]["query"]["frequency"][0][0], 0.5)
        path.write_bytes(header[:40])
        self.fails(self.rotary("inspect", path), 3, f"cannot read {path}: the header: cut short: 4 keys do not fit in the 16 "
                   "bytes that follow")

    def test_gguf_of_other_positions(self):
        sentence = "it is a gguf/bloom, which has no rotary positions: scores fall with the distance (ALiBi)"
        metadata = self.config("bloom.json", {"general.architecture": "bloom", "bloom.block_count": 2})
        self.fails(self.rotary("inspect", metadata), 3, f"cannot read {metadata} as GGUF metadata: {sentence}")
        path = self.folder / "bloom.gguf"
        path.write_bytes(gguf_header("bloom", {"block_count": 2}))
        self.fails(self.rotary("inspect", path, "--json"), 3, f"cannot read {path} as GGUF metadata: {sentence}")

    def test_text(self):
        run = self.rotary("inspect", self.config("a.json", LLAMA))
        self.assertEqual(run.returncode, 0, run.stderr)
        for line in ("  layout            half: channels 0~64 1~65 2~66 3~67 .. 63~127",
                     "  rule              llama3: factor 8 from 8192 tokens, turns 1 to 4",
                     "text, all: 32 layers (0-31)"):
            self.assertIn(line, run.stdout.splitlines())
        # Partners stand below each other.
        at = run.stdout.splitlines().index("  layout            half: channels 0~64 1~65 2~66 3~67 .. 63~127")
        (begin, upper), (middle, lower) = (line.split() for line in run.stdout.splitlines()[at + 1:at + 3])
        self.assertEqual((begin, middle, len(upper), len(set(upper))), ("0", "64", 64, 64))
        self.assertEqual(upper, lower)

    def test_page(self):
        config, page = self.config("a.json", LLAMA), self.folder / "page.html"
        text = self.rotary("inspect", config).stdout
        run = self.rotary("inspect", config, "--out", page)
        self.assertEqual((run.returncode, run.stdout), (0, f"{text}\nWith charts: {page}\n"), run.stderr)
        self.assertIn("<h2>text, all: 32 layers (0-31)</h2>", page.read_text())
        page.unlink()
        json.loads(self.rotary("inspect", config, "--out", page, "--json").stdout)
        page.unlink()
        sentence = "inspect: --out makes the page of one config"
        self.fails(self.rotary("inspect", config, config, "--out", page), 2, sentence)
        self.fails(self.rotary("inspect", "--families", "--out", page), 2, sentence)
        self.assertFalse(page.exists())
        missing = self.folder / "missing" / "page.html"
        self.fails(self.rotary("inspect", config, "--out", missing), 3, f"cannot write {missing}: no such file or folder")

    def test_one_layer(self):
        path = self.config("g.json", GEMMA)
        self.assertEqual([g["name"] for g in self.inspect(path)["layers"]], ["sliding_attention", "full_attention"])
        (full,) = self.inspect(path, "--layer", "11")["layers"]
        self.assertEqual((full["name"], full["layers"], full["theta"]), ("full_attention", [11], 1e6))
        self.fails(self.rotary("inspect", path, "--layer", "12"), 2, "inspect: there is no layer 12")

    def test_layers_without_rotation_and_whole_lengths(self):
        path = self.config("s.json", {**LLAMA, "model_type": "smollm3", "num_hidden_layers": 4})
        rope, nope = self.inspect(path)["layers"]
        self.assertEqual((rope["theta"], rope["list"]), (500000, None))
        self.assertEqual([nope[key] for key in ("query", "layout", "theta", "rule", "list")], [None] * 5)
        self.assertIn('"length":8192,', self.rotary("inspect", path, "--json").stdout)
        self.assertIn("\ntext, nope: 1 layer (3)\n", self.rotary("inspect", path).stdout)

    def test_length(self):
        path = self.config("d.json", DYNAMIC)
        last = [self.inspect(path, "--length", n)["layers"][0]["query"]["frequency"][63][0] for n in (100, 4096, 8192)]
        self.assertEqual(last[0], last[1])
        self.assertTrue(math.isclose(last[2], 3.849273282e-5, rel_tol=1e-9))

    def test_two_models(self):
        a, b = self.config("a.json", LLAMA), self.config("b.json", {**LLAMA, "rope_theta": 10000.0})
        self.assertEqual(self.rotary("inspect", a, a).stdout, "They rotate alike.\n")
        self.assertIn("  theta             500000  against  10000\n", self.rotary("inspect", a, b).stdout)
        report = self.inspect(a, b)
        self.assertEqual((report["alike"], len(set(report["fingerprints"]))), (False, 2))
        self.assertEqual(report["differences"], [{"part": "text", "name": "all", "layers": list(range(32)),
                                                  "what": "theta", "first": "500000", "second": "10000", "note": ""}])
        # The same rotation, written another way.
        new = {k: v for k, v in LLAMA.items() if k not in ("rope_theta", "rope_scaling")}
        new["rope_parameters"] = {**LLAMA["rope_scaling"], "rope_theta": 500000.0}
        self.assertEqual(self.inspect(a, self.config("c.json", new))["alike"], True)

    def test_families(self):
        families = self.inspect("--families")
        self.assertGreaterEqual(len(families), 60)
        for family in families:
            self.assertEqual(len(family["source"]["commit"]), 40, family["model_type"])
        # Columns stand apart, whatever their longest entries are.
        lines = self.rotary("inspect", "--families").stdout.splitlines()
        self.assertEqual([line.split()[:2] for line in lines], [[f["model_type"], f["scheme"]] for f in families])
        for line, family in zip(lines, families):
            self.assertIn(f"  {family['source']['repository']} {family['source']['file']}", line)

    def test_bad_input(self):
        typo = self.config("t.json", {**LLAMA, "rope_thetta": 1})
        sentence = (f"cannot read {typo}: rope_thetta = 1 is not a known key of a rotation; did you mean rope_theta?; "
                    "to leave it aside: --ignore rope_thetta")
        self.fails(self.rotary("inspect", typo), 3, sentence)
        self.assertEqual(len(self.inspect(typo, "--ignore", "rope_thetta")["layers"]), 1)
        unknown = self.config("u.json", {**LLAMA, "model_type": "lemma"})
        self.fails(self.rotary("inspect", unknown), 3,
                   f"cannot read {unknown}: model_type is not a known family: lemma; did you mean gemma?; "
                   "give its layout by --layout half or --layout interleaved")
        self.assertEqual(self.inspect(unknown, "--layout", "interleaved")["layers"][0]["query"]["second"][0], 1)
        self.fails(self.rotary("inspect"), 2, "inspect: give one config, or two to compare, got 0")
        missing = self.folder / "none.json"
        self.assertEqual(self.rotary("inspect", missing).returncode, 3)
        self.assertEqual(self.rotary("inspect", self.config("x.json", "{")).returncode, 3)


if __name__ == "__main__":
    unittest.main()
