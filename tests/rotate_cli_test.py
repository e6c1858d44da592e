"""`rotary rotate` and `rotary tables` from outside, judged by NumPy and by what transformers computed: every shape, dtype,
direction and form of positions; queries and keys that differ (latent attention); all other tensors byte for byte; both
arithmetics; bad input with its sentence and nothing written.

Usage: rotate_cli_test.py PROGRAM
"""

import json
import unittest
from pathlib import Path

import numpy as np

import rotation_oracle as oracle
from cli_case import MEMORY, CliCase

GOLDEN = Path(__file__).resolve().parent / "golden"
LLAMA = {"model_type": "llama", "head_dim": 64, "num_hidden_layers": 2, "max_position_embeddings": 4096}
YARN = {**LLAMA, "rope_parameters": {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0,
                                     "original_max_position_embeddings": 1024}}
YARN_FACTOR = 0.1 * np.log(4) + 1
GEMMA = {"model_type": "gemma3_text", "head_dim": 64, "num_hidden_layers": 6, "sliding_window": 512,
         "sliding_window_pattern": 6, "max_position_embeddings": 32768}
LATENT = {"model_type": "deepseek_v3", "num_hidden_layers": 1, "qk_nope_head_dim": 32, "qk_rope_head_dim": 16,
          "max_position_embeddings": 4096, "rope_theta": 10000.0}
MROPE = {"model_type": "qwen2_vl_text", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 1,
         "max_position_embeddings": 4096,
         "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 3, 3]}}


class RotatingCase(CliCase):
    parent = MEMORY

    def setUp(self):
        super().setUp()
        self.random = np.random.default_rng(7)
        self.input = self.folder / "in.safetensors"
        self.out = self.folder / "out.safetensors"

    def config(self, content, name="config.json"):
        path = self.folder / name
        path.write_text(json.dumps(content))
        return path

    def normal(self, *shape):
        return self.random.standard_normal(shape)

    def near(self, got, wanted, tolerance, what=""):
        worst = np.max(np.abs(np.asarray(got, np.float64) - wanted), initial=0)
        self.assertTrue(worst <= tolerance, f"{what}: {worst} is more than {tolerance}")  # a NaN fails


class RotateTest(RotatingCase):
    def rotate(self, config, *options, tensors=None, metadata=None):
        if tensors is not None:
            oracle.write(self.input, tensors, metadata)
        run = self.rotary("rotate", self.input, "--config", self.config(config), "--out", self.out, *options)
        self.assertEqual(run.returncode, 0, run.stderr)
        return oracle.read(self.out)

    def test_batches_with_positions_of_their_own(self):
        q, k = self.normal(2, 5, 4, 64).astype(np.float32), self.normal(2, 5, 2, 64).astype(np.float32)
        positions = np.array([[0, 1, 7, 2049, 131071], [5, 6, 7, -3, 1048575]])
        y = self.rotate(LLAMA, "--positions", "at", tensors={"q": q, "k": k, "at": positions})
        angles = positions[:, :, None, None] * oracle.frequencies(64)
        self.near(y["q"], oracle.turn(q, angles), 2e-6)
        self.near(y["k"], oracle.turn(k, angles), 2e-6)
        self.assertEqual(y["q"].dtype, np.float32)

    def test_every_shape(self):
        x = self.normal(2, 3, 4, 64)
        wanted = oracle.turn(x, np.arange(3)[:, None, None] * oracle.frequencies(64))
        heads_first = x.transpose(0, 2, 1, 3)
        for shape, value, want in (("bthd", x, wanted), ("thd", x[1], wanted[1]),
                                   ("bhtd", heads_first, wanted.transpose(0, 2, 1, 3)),
                                   ("htd", heads_first[0], wanted[0].transpose(1, 0, 2))):
            y = self.rotate(LLAMA, "--shape", shape, tensors={"q": value})
            self.near(y["q"], want, 1e-12)
        self.near(self.rotate(LLAMA, tensors={"k": x[1]})["k"], wanted[1], 1e-12)  # thd by its axes

    def test_every_dtype(self):
        x = self.normal(7, 2, 64)
        angles = np.arange(7)[:, None, None] * oracle.frequencies(64)
        for kind, tolerance in ((np.float64, 1e-14), (np.float32, 2e-6), (np.float16, 4e-3)):
            y = self.rotate(LLAMA, tensors={"q": x.astype(kind)})["q"]
            self.assertEqual(y.dtype, kind)
            self.near(y, oracle.turn(x.astype(kind), angles), tolerance)
        bits = oracle.to_bf16(x)
        y = self.rotate(LLAMA, tensors={"q": ("BF16", bits)})["q"]
        self.near(oracle.from_bf16(y), oracle.turn(oracle.from_bf16(bits), angles), 0.02)
        self.assertEqual(oracle.read_header(self.out)[0]["q"]["dtype"], "BF16")

    def test_directions(self):
        x = self.normal(4, 2, 64)
        rotated = self.rotate(YARN, tensors={"q": x})["q"]
        self.assertTrue(np.allclose(np.linalg.norm(rotated), YARN_FACTOR * np.linalg.norm(x), rtol=1e-12))
        self.near(self.rotate(YARN, "--inverse", tensors={"q": rotated})["q"], x, 1e-14)
        # <g, R x> = <R' g, x>
        g = self.normal(4, 2, 64)
        gradient = self.rotate(YARN, "--gradient", tensors={"q": g})["q"]
        self.assertTrue(np.isclose(np.sum(g * rotated), np.sum(gradient * x), rtol=1e-12))

    def test_everything_else_is_copied(self):
        q = self.normal(3, 1, 64).astype(np.float32)
        tensors = {"mask": self.random.integers(0, 255, (3, 5), np.uint8), "q": q, "odd": np.ones((), np.uint8),
                   "v": self.normal(3, 1, 64), "ids": np.arange(4)}
        y = self.rotate(LLAMA, "--json", tensors=tensors, metadata={"format": "pt", "ä": "ß"})
        for name in ("mask", "odd", "v", "ids"):
            self.assertEqual(y[name].tobytes(), tensors[name].tobytes())
        self.assertEqual(oracle.read_header(self.out)[0], oracle.read_header(self.input)[0])
        self.assertFalse(np.array_equal(y["q"], q))
        # In place of the input, and with any number of threads.
        wanted = self.out.read_bytes()
        self.rotary("rotate", self.input, "--config", "config.json", "--out", self.input, "--threads", 1)
        self.assertEqual(self.input.read_bytes(), wanted)

    def test_dtypes_that_are_only_copied(self):
        q, raw = self.normal(3, 1, 64), np.arange(24, dtype=np.uint8)
        others = {name: (name, raw) for name in ("I8", "F8_E4M3", "F8_E5M2")}
        others |= {name: (name, raw.view(np.uint16)) for name in ("I16", "U16")}
        others |= {"U32": ("U32", raw.view(np.uint32)), "U64": ("U64", raw.view(np.uint64))}
        oracle.write(self.input, {**others, "q": q})
        self.assertEqual(self.rotary("rotate", self.input, "--config", self.config(LLAMA), "--out", self.out).returncode, 0)
        (before, old), (after, new) = oracle.read_header(self.input), oracle.read_header(self.out)
        self.assertEqual(before, after)
        begin = before["q"]["data_offsets"][0]
        self.assertEqual(old[:begin], new[:begin])
        self.assertNotEqual(old[begin:], new[begin:])
        self.out.unlink()
        oracle.write(self.input, {"q": ("F8_E4M3", raw)})
        self.leaves_nothing(self.rotary("rotate", self.input, "--config", "config.json", "--out", self.out), 3,
                            f"cannot read {self.input}: q is F8_E4M3, which can be copied only, not computed with (that is F64, "
                            "F32, BF16, F16, I64, I32, U8 and BOOL)")

    def test_queries_and_keys_of_latent_attention(self):
        q, k = self.normal(3, 2, 48), self.normal(3, 1, 16)
        for names, options in ((("layers.0.q_proj", "layers.0.k_pe"), ("--tensors", "layers.0.q_proj,layers.0.k_pe")),
                               (("a", "b"), ("--tensors", "a", "--keys", "b"))):
            y = self.rotate(LATENT, *options, tensors=dict(zip(names, (q, k))))
            angles = np.arange(3)[:, None, None] * oracle.frequencies(16)
            self.near(y[names[0]], oracle.turn(q, angles, "interleaved", offset=32), 1e-14)
            self.near(y[names[1]], oracle.turn(k, angles, "interleaved"), 1e-14)

    def test_positions_with_axes(self):
        q = self.normal(2, 3, 4, 16)
        w = oracle.frequencies(16)
        axis = [0, 0, 1, 1, 1, 2, 2, 2]
        at = self.random.integers(-5, 3000, (3, 2, 3))
        y = self.rotate(MROPE, "--positions", "at", tensors={"q": q, "at": at})
        self.near(y["q"], oracle.turn(q, np.moveaxis(at[axis], 0, -1)[:, :, None] * w), 1e-12)
        y = self.rotate(MROPE, "--positions", "at", tensors={"q": q, "at": at[:, 0].astype(np.float64) + 0.5})
        self.near(y["q"], oracle.turn(q, (at[axis, 0].T + 0.5)[:, None] * w), 1e-12)
        y = self.rotate(MROPE, tensors={"q": q})  # text: the same on every axis
        self.near(y["q"], oracle.turn(q, np.arange(3)[:, None, None] * w), 1e-12)

    def test_layers_that_differ(self):
        x = self.normal(3, 1, 64)
        y = self.rotate(GEMMA, "--layer", 5, tensors={"q": x})["q"]
        self.near(y, oracle.turn(x, np.arange(3)[:, None, None] * oracle.frequencies(64, 1e6)), 1e-14)
        self.out.unlink()
        run = self.rotary("rotate", self.input, "--config", "config.json", "--out", self.out)
        self.leaves_nothing(run, 2, "rotate: layers rotate in several ways, choose one by --layer (0-4: sliding_attention; "
                                    "5: full_attention)")
        mixed = self.folder / "mixed.json"
        mixed.write_text(json.dumps({**LLAMA, "model_type": "smollm3", "num_hidden_layers": 8}))
        run = self.rotary("rotate", self.input, "--config", mixed, "--out", self.out)
        self.leaves_nothing(run, 2, "rotate: layers rotate in several ways, choose one by --layer (0-2, 4-6: rope; 3, 7: nope)")
        still = {**LLAMA, "model_type": "smollm3", "no_rope_layers": [1, 0]}
        y = self.rotate(still, "--layer", 1, tensors={"q": x})["q"]
        self.assertTrue(np.array_equal(y, x))

    def test_frequencies_from_a_file(self):
        x = self.normal(3, 1, 64)
        w = np.linspace(1, 0.1, 32).astype(np.float32)
        oracle.write(self.folder / "w.safetensors", {"model.rotary_emb.inv_freq": w})
        (self.folder / "w.json").write_text(json.dumps(w.tolist()))
        for name in ("w.safetensors", "w.json"):
            y = self.rotate(LLAMA, "--frequencies", name, tensors={"q": x})["q"]
            self.near(y, oracle.turn(x, np.arange(3)[:, None, None] * w.astype(np.float64)), 1e-14)
        (self.folder / "short.json").write_text("[1, 2]")
        self.fails(self.rotary("rotate", self.input, "--config", "config.json", "--out", self.out, "--frequencies", "short.json"),
                   2, "rotate: --frequencies short.json has 2 numbers, the rotation 32 pairs")

    def test_a_rotation_from_a_file(self):
        (self.folder / "r.json").write_text(json.dumps({"head_dim": 4, "attention_factor": 1, "axes": 1, "first": [3],
                                                        "second": [1], "frequency": [[0.5]]}))
        x = self.normal(3, 2, 4)
        oracle.write(self.input, {"q": x})
        run = self.rotary("rotate", self.input, "--rotation", "r.json", "--out", self.out)
        self.assertEqual(run.stdout, "q [3, 2, 4] f64 rotated as queries, 1 pairs\nwritten to " + f"{self.out}\n")
        wanted = oracle.turn(x[..., [3, 1]], np.arange(3)[:, None, None] * np.array([0.5]))
        self.near(oracle.read(self.out)["q"][..., [3, 1]], wanted, 1e-14)

    def test_a_rotation_that_inspect_printed(self):
        def printed(config, *options):
            run = self.rotary("inspect", self.config(config), "--json", *options)
            (self.folder / "r.json").write_text(run.stdout)

        def same(config, tensors, *options):
            y = self.rotate(config, *options, tensors=tensors)
            printed(config, *options)
            run = self.rotary("rotate", self.input, "--rotation", "r.json", "--out", self.out)
            self.assertEqual(run.returncode, 0, run.stderr)
            for name, value in oracle.read(self.out).items():
                self.assertEqual(value.tobytes(), y[name].tobytes())

        same(YARN, {"q": self.normal(3, 2, 64)})
        same(LATENT, {"q": self.normal(3, 2, 48), "k": self.normal(3, 1, 16)})
        same(GEMMA, {"q": self.normal(3, 1, 64)}, "--layer", 5)
        printed(GEMMA)
        self.out.unlink()
        self.leaves_nothing(self.rotary("rotate", self.input, "--rotation", "r.json", "--out", self.out), 3,
                            "cannot read r.json: layers rotate in several ways (sliding_attention, full_attention); "
                            "`rotary inspect --layer N --json` prints those of one layer")

    def test_what_the_model_does_beside(self):
        q = self.normal(3, 1, 64)
        oracle.write(self.input, {"q": q})
        config = {**LLAMA, "model_type": "ministral3", "rope_parameters": {
            "rope_type": "yarn", "rope_theta": 1e6, "factor": 4.0, "original_max_position_embeddings": 1024, "mscale": 1.0,
            "mscale_all_dim": 1.0, "llama_4_scaling_beta": 0.1}}
        run = self.rotary("rotate", self.input, "--config", self.config(config), "--out", self.out)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("warning: in this model its queries grow with their positions (a temperature), which rotate leaves to you",
                      run.stderr.splitlines())
        run = self.rotary("rotate", self.input, "--config", self.config(LLAMA), "--out", self.out)
        self.assertEqual(run.stderr, "")

    def test_keys_beside_the_usual_names(self):
        x = self.normal(3, 1, 16)
        y = self.rotate(LATENT, "--keys", "q", tensors={"q": x, "k": x})
        self.assertTrue(np.array_equal(y["q"], y["k"]))
        self.assertFalse(np.array_equal(y["k"], x))

    def test_xpos_grows_keys_as_queries_shrink(self):
        (self.folder / "r.json").write_text(json.dumps({"head_dim": 2, "attention_factor": 1, "axes": 1, "first": [0],
                                                        "second": [1], "frequency": [[0.5]], "log_decay": [-0.25]}))
        x = self.normal(3, 2, 2)
        oracle.write(self.input, {"q": x, "k": x})
        self.assertEqual(self.rotary("rotate", self.input, "--rotation", "r.json", "--out", self.out).returncode, 0)
        y = oracle.read(self.out)
        at = np.arange(3)[:, None, None]
        wanted = oracle.turn(x, at * np.array([0.5]))
        self.near(y["q"], wanted * np.exp(-0.25 * at), 1e-14)
        self.near(y["k"], wanted * np.exp(0.25 * at), 1e-14)

    def test_golden_vectors(self):
        """Every rotation of conformance/, judged by MPFR."""
        suite = self.folder / "cases"
        self.assertEqual(self.rotary("golden", "--out", suite).returncode, 0)
        paths = sorted(suite.glob("*.json"))
        self.assertGreater(len(paths), 90)
        for path in paths:
            case, t = json.loads(path.read_text()), oracle.read(path.with_suffix(".safetensors"))
            (self.folder / "r.json").write_text(json.dumps(case["rotation"]))
            at = t["positions"]
            at = np.moveaxis(at, -1, 0) if case["rotation"]["axes"] > 1 else at  # here the axes come first
            oracle.write(self.input, {"x": t["x"], "wide": t["x"].astype(np.float64), "d_y": t["d_y"].astype(np.float64),
                                      "at": at})
            options = ("--rotation", "r.json", "--out", self.out, "--positions", "at", "--centre", case.get("centre", 0))
            side = "--tensors" if case["side"] == "query" else "--keys"
            inverse = ("--inverse",) if case["direction"] == "inverse" else ()
            run = self.rotary("rotate", self.input, *options, side, "x,wide", *inverse)
            self.assertEqual(run.returncode, 0, f"{case['name']}: {run.stderr}")
            y, scale = oracle.read(self.out), np.max(np.abs(t["y_f64"]))
            self.near(y["wide"], t["y_f64"], 3e-15 * scale, case["name"])
            self.near(y["x"], t["y_f64"], 3e-7 * scale, case["name"])
            if not inverse:
                self.rotary("rotate", self.input, *options, side, "d_y", "--gradient")
                self.near(oracle.read(self.out)["d_y"], t["d_x"], 3e-15 * np.max(np.abs(t["d_x"])), case["name"])

    def test_an_out_that_is_an_input(self):
        oracle.write(self.input, {"q": np.ones((3, 1, 64))})
        oracle.write(self.folder / "w.safetensors", {"inv_freq": oracle.frequencies(64)})
        config = self.config(LLAMA)
        kept = {path: path.read_bytes() for path in self.folder.iterdir()}
        (self.folder / "link").symlink_to(config)
        for out in (config, "./config.json", "link"):
            for run in (self.rotary("rotate", self.input, "--config", config, "--out", out),
                        self.rotary("shift", self.input, "--config", config, "--by", 1, "--out", out),
                        self.rotary("tables", "--positions", "0", "--config", config, "--out", out)):
                self.fails(run, 2, f"{run.args[1]}: --out {out} is an input, which would be lost")
        (self.folder / "report.html").write_text("a text " * 1000)
        for arguments, out in ((("trace", "1,0", "--rotation", "config.json"), "config.json"),
                               (("decay", "--rotation", "config.json"), "config.json"),
                               (("logits", ".", "in.safetensors"), "in.safetensors"),
                               (("logits", ".", "in.safetensors"), "config.json"),
                               (("convert", "in.safetensors", "--config", "config.json", "--to", "half"), "config.json")):
            run = self.rotary(*arguments, "--out", out)
            self.fails(run, 2, f"{arguments[0]}: --out {out} is an input, which would be lost")
        for command in ("compare", "demo"):
            run = self.rotary(command, "report.html", "--out", ".")
            self.fails(run, 2, f"{command}: --out ./report.html is an input, which would be lost")
        run = self.rotary("rotate", self.input, "--config", config, "--frequencies", "w.safetensors", "--out", "w.safetensors")
        self.fails(run, 2, "rotate: --out w.safetensors is an input, which would be lost")
        self.assertEqual({path: path.read_bytes() for path in kept}, kept)

    def test_one_token_and_none(self):
        for tokens in (0, 1):
            y = self.rotate(LLAMA, tensors={"q": self.normal(2, tokens, 3, 64)})["q"]
            self.assertEqual(y.shape, (2, tokens, 3, 64))

    def test_bad_input(self):
        def sentence(code, text, *options, tensors=None):
            oracle.write(self.input, tensors or {"q": np.ones((3, 1, 64)), "at": np.arange(4), "n": np.arange(3)})
            self.leaves_nothing(self.rotary("rotate", self.input, "--out", self.out, *options), code, text)

        config = ("--config", self.config(LLAMA))
        cannot = f"cannot read {self.input}: "
        sentence(2, "rotate: say which rotation, by --config or --rotation")
        sentence(3, cannot + "there is no tensor v; it holds q, at, n", *config, "--tensors", "v")
        sentence(3, cannot + "there is no tensor p; it holds q, at, n", *config, "--positions", "p")
        sentence(3, cannot + "there is neither a tensor q nor k; name others by --tensors", *config, tensors={"x": np.ones(3)})
        sentence(2, "rotate: q: 4 positions for 3 tokens", *config, "--positions", "at")
        sentence(2, "rotate: q: must be bhtd by its shape, got [3, 1, 64]", *config, "--shape", "bhtd")
        sentence(2, 'rotate: q: shape must be one of bthd, bhtd, thd, htd, got "tbh"', *config, "--shape", "tbh")
        sentence(2, "rotate: q: the rotation is for head_dim 64, the tensor has 32", *config,
                 tensors={"q": np.ones((3, 1, 32))})
        sentence(2, "rotate: n: must be bthd by its shape, got [3]", *config, "--tensors", "n")
        sentence(2, "rotate: q: positions must be [tokens] or [batch, tokens], got [3, 1, 1]", *config, "--positions", "p",
                 tensors={"q": np.ones((3, 1, 64)), "p": np.ones((3, 1, 1))})
        sentence(2, 'rotate: arithmetic must be one of exact, float32, got "float"', *config, "--arithmetic", "float")
        sentence(2, f"rotate: there is no layer 2 in {config[1]}", *config, "--layer", 2)
        sentence(2, "rotate: --centre is for the decay of xPos, and this rotation has none", *config, "--centre", 5)
        sentence(2, f"rotate: there is no part vision in {config[1]}", *config, "--part", "vision")
        self.input.write_bytes(b"12")
        run = self.rotary("rotate", self.input, "--out", self.out, *config)
        self.assertEqual((run.returncode, self.out.exists()), (3, False))


class TablesTest(RotatingCase):
    def tables(self, config, *options):
        run = self.rotary("tables", "--config", self.config(config), "--out", self.out, *options)
        self.assertEqual(run.returncode, 0, run.stderr)
        return oracle.read(self.out)

    def test_widths_orders_and_dtypes(self):
        at = np.array([-3, 0, 1, 131071])
        angles = at[:, None] * oracle.frequencies(64)
        t = self.tables(LLAMA, "--positions", "-3,0..1,131071")
        self.assertEqual(list(t["positions"]), list(at))
        self.near(t["cos"], np.cos(angles), 3.1e-8)
        self.near(t["sin"], np.sin(angles), 3.1e-8)
        self.assertEqual(t["cos"].shape, (4, 32))
        c, s = np.cos(angles), np.sin(angles)
        t = self.tables(LLAMA, "--positions", "-3,0..1,131071", "--width", "full", "--dtype", "f64")
        self.near(t["sin"], np.concatenate([s, s], 1), 1e-11)
        t = self.tables(LLAMA, "--positions", "-3,0..1,131071", "--order", "cos-sin", "--dtype", "f64")
        self.near(t["cos_sin"], np.concatenate([c, s], 1), 1e-11)
        t = self.tables({**LLAMA, "model_type": "gptj", "n_embd": 64, "n_head": 1, "rotary_dim": 64}, "--ignore", "head_dim",
                        "--positions", "-3,0..1,131071", "--order", "sin-cos", "--width", "full", "--dtype", "f64")
        self.near(t["sin_cos"], np.concatenate([np.repeat(s, 2, 1), np.repeat(c, 2, 1)], 1), 1e-11)
        t = self.tables(LLAMA, "--positions", "0..9", "--dtype", "bf16")
        self.assertTrue(np.array_equal(t["cos"], oracle.to_bf16(np.cos(np.arange(10)[:, None] * oracle.frequencies(64)))))
        self.assertEqual(self.tables(LLAMA, "--positions", "0..9", "--dtype", "f16")["cos"].dtype, np.float16)

    def test_a_million_positions(self):
        (self.folder / "r.json").write_text(json.dumps({"head_dim": 2, "attention_factor": 1, "axes": 1, "first": [0],
                                                        "second": [1], "frequency": [[0.5]]}))
        run = self.rotary("tables", "--rotation", "r.json", "--out", self.out, "--positions", "0..1048575", "--dtype", "f64")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.near(oracle.read(self.out)["cos"][:, 0], np.cos(0.5 * np.arange(1 << 20)), 1e-15)

    def test_the_attention_factor_is_inside(self):
        t = self.tables(YARN, "--positions", "0..99", "--dtype", "f64")
        self.near(t["cos"] ** 2 + t["sin"] ** 2, YARN_FACTOR ** 2, 1e-14)

    def test_what_transformers_computes(self):
        golden = json.loads((GOLDEN / "float32.json").read_text())
        stored = oracle.read(GOLDEN / "float32.safetensors")

        def ulps(a, b):
            a, b = (np.asarray(x, np.float32).view(np.int32).astype(np.int64) for x in (a, b))
            a, b = (np.where(x < 0, -(x & 0x7FFFFFFF), x) for x in (a, b))
            return list(np.abs(a - b).flat)

        # torch's cosines and sines are one unit off now and then; a factor makes two of it.
        apart = {"inv_freq": [], "cos": [], "sin": []}
        for case in golden["cases"]:
            name, length = case["name"], [] if case["length"] is None else ["--length", case["length"]]
            path = self.config(case["config"])
            run = self.rotary("inspect", path, "--arithmetic", "float32", "--json", *length)
            frequency = np.array(json.loads(run.stdout)["layers"][0]["query"]["frequency"])[:, 0]
            self.assertTrue(np.array_equal(frequency, frequency.astype(np.float32)))
            apart["inv_freq"] += ulps(frequency, stored[name + ".inv_freq"])
            # The phases alone, from the same frequencies.
            oracle.write(self.folder / "w.safetensors", {"inv_freq": stored[name + ".inv_freq"]})
            t = self.tables(case["config"], "--arithmetic", "float32", "--frequencies", "w.safetensors", *length,
                            "--positions", ",".join(map(str, golden["positions"])))
            for table in ("cos", "sin"):
                apart[table] += ulps(t[table], stored[f"{name}.{table}"])
        for table, units in apart.items():
            counts = np.bincount(units)
            print(f"{table}: 0, 1, .. units in the last place from transformers {golden['transformers']}:", counts)
            self.assertLessEqual(len(counts), 1 if table == "inv_freq" else 3)
            self.assertGreater(counts[0], 0.95 * len(units))

    def test_bad_input(self):
        config = ("--config", self.config(LLAMA), "--out", self.out)
        for text, options in (
                ('tables: width must be one of half, full, got "whole"', ("--positions", "0", "--width", "whole")),
                ('tables: order must be one of cos-sin, sin-cos, got "cos"', ("--positions", "0", "--order", "cos")),
                ('tables: dtype must be one of f32, bf16, f16, f64, got "i64"', ("--positions", "0", "--dtype", "i64")),
                ('tables: positions: more than 10000000 numbers in "0..10000000"', ("--positions", "0..10000000")),
                ('tables: positions: "a" is no list of whole numbers such as 0..12 or 0,1,5', ("--positions", "a"))):
            self.leaves_nothing(self.rotary("tables", *config, *options), 2, text)
        jepa = {"head_dim": 4, "attention_factor": 1, "axes": 1, "first": [0], "second": [1], "frequency": [[1]],
                "second_frequency": [[2]]}
        (self.folder / "r.json").write_text(json.dumps(jepa))
        run = self.rotary("tables", "--rotation", "r.json", "--positions", "0..3", "--out", self.out)
        self.leaves_nothing(run, 2, "tables: the channels of a pair turn by two angles here: take --width full")
        self.rotary("tables", "--rotation", "r.json", "--positions", "0..3", "--width", "full", "--out", self.out)
        at = np.arange(4)
        self.near(oracle.read(self.out)["cos"], np.stack([np.cos(at), np.cos(2 * at)], 1), 6e-8)
        (self.folder / "r.json").write_text(json.dumps({**{k: v for k, v in jepa.items() if k != "second_frequency"},
                                                        "log_decay": [0.1]}))
        self.out.unlink()
        run = self.rotary("tables", "--rotation", "r.json", "--positions", "0..3", "--out", self.out)
        self.leaves_nothing(run, 2, "tables: this rotation scales queries and keys by their positions too (xPos), which no table "
                                    "of angles says")


if __name__ == "__main__":
    unittest.main()
