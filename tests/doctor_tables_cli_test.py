"""`rotary doctor --tables` from outside, on tables that NumPy made: every form, width and dtype is read; each fault has its code
and exit code 4, tables as the config asks for have none; what single rows cannot tell is said; bad input has its sentence.

Usage: doctor_tables_cli_test.py PROGRAM
"""

import json
import unittest

import numpy as np

import rotation_oracle as oracle
from cli_case import MEMORY, CliCase

LLAMA = {"model_type": "llama", "head_dim": 64, "num_hidden_layers": 2, "max_position_embeddings": 4096,
         "rope_theta": 10000.0}
YARN = {**LLAMA, "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 1024}}
YARN_FACTOR = 0.1 * np.log(4) + 1
PARTIAL = {"model_type": "phi", "hidden_size": 256, "num_attention_heads": 4, "num_hidden_layers": 1,
           "partial_rotary_factor": 0.5, "max_position_embeddings": 2048, "rope_theta": 10000.0}
MROPE = {"model_type": "qwen2_vl_text", "hidden_size": 256, "num_attention_heads": 4, "num_hidden_layers": 1,
         "max_position_embeddings": 4096,
         "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [8, 12, 12]}}
GPTJ = {"model_type": "gptj", "n_embd": 256, "n_head": 4, "n_layer": 1, "rotary_dim": 64, "n_positions": 2048}


def bf16(x):
    return oracle.from_bf16(oracle.to_bf16(x)).astype(np.float64)


def f16(x):
    return np.asarray(x, np.float16).astype(np.float64)


def tf32(x):
    mantissa, exponent = np.frexp(np.asarray(x, np.float64))
    return np.ldexp(np.rint(mantissa * 2**11), exponent - 11)


def same(x):
    return x


def angles(rows=700, dim=64, theta=1e4, first=0, positions=same, frequencies=same, products=same):
    """[rows, pairs], each step rounded as its function does."""
    return products(np.outer(positions(first + np.arange(rows, dtype=np.float64)),
                             frequencies(oracle.frequencies(dim, theta))))


def apart(a, dtype=np.float32, factor=1.0):
    return {"cos": (factor * np.cos(a)).astype(dtype), "sin": (factor * np.sin(a)).astype(dtype)}


class TablesCase(CliCase):
    parent = MEMORY

    def ask(self, tensors, config=None, *options):
        """(exit code, JSON)"""
        path = self.folder / "tables.safetensors"
        oracle.write(path, tensors)
        return self.ask_file(path, config, *options)

    def ask_file(self, path, config=None, *options):
        if config is not None:
            config_path = self.folder / "config.json"
            config_path.write_text(json.dumps(config))
            options = ("--config", config_path, *options)
        run = self.rotary("doctor", "--tables", path, "--json", *options)
        self.assertIn(run.returncode, (0, 4), run.stderr)
        return run.returncode, json.loads(run.stdout)

    def codes(self, tensors, config=None, *options):
        code, answer = self.ask(tensors, config, *options)
        faults = [f["code"] for f in answer["findings"] if f["severity"] == "fault"]
        self.assertEqual(code, 4 if faults else 0)
        self.assertTrue(answer["verdict"] and answer["findings"])
        return faults

    def sound(self, tensors, config=None, *options):
        code, answer = self.ask(tensors, config, *options)
        self.assertEqual(code, 0, answer)
        self.assertEqual(answer["findings"][0]["code"], "none-found")
        self.assertEqual(answer["certainty"], "certain")
        return answer


class FormTest(TablesCase):
    def test_orders_and_widths(self):
        a = angles()
        for width, widen in (("half", same), ("twice", lambda x: np.concatenate([x, x], -1)),
                             ("each", lambda x: np.repeat(x, 2, -1))):
            c, s = (widen(f(a)).astype(np.float32) for f in (np.cos, np.sin))
            forms = {"cos, sin": {"a.cos_cached": c, "a.sin_cached": s},
                     "cos-sin": {"cos_sin_cache": np.concatenate([c, s], -1)},
                     "sin-cos": {"cos_sin_cache": np.concatenate([s, c], -1)},
                     "complex": {"freqs_cis": np.stack([c, s], -1)}}
            for order, tensors in forms.items():
                with self.subTest(order=order, width=width):
                    answer = self.sound(tensors, LLAMA if width != "each" else GPTJ)
                    self.assertEqual((answer["order"], answer["width"]), (order, width))
                    self.assertEqual((answer["rows"], answer["pairs"], answer["theta"]), (700, 32, 1e4))

    def test_other_ways_to_keep_the_same(self):
        a = angles()
        c, s = np.cos(a).astype(np.float32), np.sin(a).astype(np.float32)
        cis = np.stack([c, s], -1)
        for what, tensors in {
                "axes of length 1": {"cos": c[None, None, :, None], "sin": s[None, None, :, None]},
                "stacked": {"cos_sin": np.stack([c, s])},
                "stacked in rows": {"cos_sin": np.stack([c, s], 1)[None]},
                "signed sines": {"cos": np.concatenate([c, c], -1), "sin": np.concatenate([-s, s], -1)},
                "complex numbers": {"freqs_cis": ("C64", cis.view(np.complex64)[..., 0])},
                "only tensor": {"x": np.concatenate([c, s], -1)}}.items():
            with self.subTest(what):
                self.sound(tensors, LLAMA)
        self.sound({"other.cos": np.zeros(3, np.float32), "cos": c, "sin": s}, LLAMA, "--name", "sin,cos")
        np.save(self.folder / "cache.npy", np.concatenate([c, s], -1))
        self.assertEqual(self.ask_file(self.folder / "cache.npy", LLAMA)[0], 0)
        np.save(self.folder / "inv_freq.npy", oracle.frequencies(64))
        self.assertEqual(self.ask_file(self.folder / "inv_freq.npy", LLAMA)[0], 0)

    def test_tables_of_this_program(self):
        out = self.folder / "tables.safetensors"
        (self.folder / "config.json").write_text(json.dumps(YARN))
        for options in (("--width", "full"), ("--order", "sin-cos"), ("--dtype", "bf16")):
            run = self.rotary("tables", "--config", "config.json", "--positions", "100..900", "--out", out, *options)
            self.assertEqual(run.returncode, 0, run.stderr)
            code, answer = self.ask_file(out, YARN)  # the positions of the rows are in the file
            self.assertEqual(code, 0, answer)
            self.assertAlmostEqual(answer["attention_factor"], YARN_FACTOR, 3)

    def test_dtypes(self):
        a = angles()
        for name, tensors in {"f64": apart(a, np.float64), "f32": apart(a), "f16": apart(a, np.float16),
                              "bf16": {k: ("BF16", oracle.to_bf16(v)) for k, v in apart(a).items()},
                              "f32 of bf16": {k: bf16(v).astype(np.float32) for k, v in apart(a).items()}}.items():
            with self.subTest(name):
                answer = self.sound(tensors, LLAMA)
                notes = [f["code"] for f in answer["findings"]]
                self.assertEqual("tables-rounded" in notes, "16" in name)
                self.assertTrue(answer["worst_angle_error"]["radians"] < (4e-3 if "16" in name else 1e-7), answer)


class FaultTest(TablesCase):
    def test_each_has_its_code(self):
        a = angles()
        c, s = np.cos(a).astype(np.float32), np.sin(a).astype(np.float32)
        holes = {"cos": c.copy(), "sin": s.copy()}
        holes["cos"][400:] = holes["sin"][400:] = 0
        nan = {"cos": c.copy(), "sin": s}
        nan["cos"][650, 3] = np.nan
        noise = np.random.default_rng(3).standard_normal((2, 700, 32)).astype(np.float32)
        cases = [
            ("another theta", apart(angles(theta=5e5)), LLAMA, ["theta-differs"]),
            ("an odd theta", apart(angles(theta=12345)), LLAMA, ["theta-differs"]),
            ("no YaRN", apart(a), YARN, ["scaling-missing", "attention-factor-missing"]),
            ("linear", apart(a / 4), LLAMA, ["scaling-differs"]),
            ("factor", apart(a, factor=1.2), LLAMA, ["attention-factor-differs"]),
            ("denominator", apart(np.outer(np.arange(700), 1e4 ** (-np.arange(0, 32, 2) / 64))), PARTIAL,
             ["denominator-differs"]),
            ("all of the head", apart(a), PARTIAL, ["rotary-dim-differs"]),
            ("shifted", apart(angles(first=1)), LLAMA, ["position-shifted"]),
            ("doubled", apart(2 * a), LLAMA, ["rotated-twice"]),
            ("reversed", apart(-a), LLAMA, ["direction-reversed"]),
            ("swapped", {"cos": s, "sin": c}, LLAMA, ["tables-mismatch"]),
            ("bf16 positions", apart(angles(positions=bf16)), LLAMA, ["positions-rounded"]),
            ("bf16 frequencies", apart(angles(frequencies=bf16)), LLAMA, ["frequencies-rounded"]),
            ("TF32 frequencies", apart(angles(frequencies=tf32)), LLAMA, ["frequencies-rounded"]),
            ("bf16 angles", apart(angles(products=bf16)), LLAMA, ["angles-rounded"]),
            ("f16 angles", apart(angles(products=f16)), LLAMA, ["angles-rounded"]),
            ("nothing turns", apart(0 * a), LLAMA, ["identity"]),
            ("zeros", {"cos": 0 * c, "sin": 0 * s}, LLAMA, ["not-a-rotation"]),
            ("half filled", holes, LLAMA, ["not-a-rotation"]),
            ("NaN", nan, LLAMA, ["not-a-rotation"]),
            ("noise", {"cos": noise[0], "sin": noise[1]}, LLAMA, ["not-a-rotation"]),
            ("cos of cos", apart(np.cos(a)), LLAMA, ["not-a-rotation"]),
        ]
        for what, tensors, config, codes in cases:
            with self.subTest(what):
                self.assertEqual(self.codes(tensors, config), codes)

    def test_without_a_config(self):
        for what, tensors, codes in [
                ("theta", apart(angles(theta=12345)), []), ("linear", apart(angles() / 8), []),
                ("factor", apart(angles(), factor=1.2), []), ("shifted", apart(angles(first=2)), ["position-shifted"]),
                ("bf16 frequencies", apart(angles(frequencies=bf16)), ["frequencies-rounded"]),
                ("bf16 angles", apart(angles(products=bf16)), ["angles-rounded"])]:
            with self.subTest(what):
                self.assertEqual(self.codes(tensors), codes)
        self.assertAlmostEqual(self.sound(apart(angles(theta=12345)))["theta"], 12345, 4)

    def test_axes_at_one_position(self):
        answer = self.sound(apart(angles()), MROPE)
        self.assertEqual(answer["story"], "as the config says: theta 10000")
        self.assertEqual(self.codes(apart(angles(theta=5e5)), MROPE), ["theta-differs"])

    def test_a_table_for_the_other_layout_is_noted(self):
        a = np.repeat(angles(), 2, -1)
        answer = self.sound(apart(a), LLAMA)
        self.assertIn("tables-mismatch", [f["code"] for f in answer["findings"]])

    def test_a_rotation_that_was_given_is_no_config(self):
        config, rotation, tables = (self.folder / name for name in ("config.json", "rotation.json", "tables.safetensors"))
        config.write_text(json.dumps(LLAMA))
        rotation.write_text(self.rotary("inspect", config, "--json").stdout)
        right, wrong = (oracle.frequencies(64, theta).astype(np.float32) for theta in (1e4, 5e5))
        for tensors, code, story in [
                (apart(angles()), 0, "the frequencies asked for"),
                (apart(angles(theta=5e5)), 4, "theta 500000; not the list of frequencies asked for"),
                ({"inv_freq": right}, 0, "the list of frequencies asked for"),
                ({"inv_freq": wrong}, 4, "theta 500000; not the list of frequencies asked for")]:
            oracle.write(tables, tensors)
            run = self.rotary("doctor", "--tables", tables, "--rotation", rotation, "--json")
            self.assertEqual((run.returncode, run.stderr), (code, ""))
            answer = json.loads(run.stdout)
            self.assertEqual(answer["story"], story)
            self.assertNotIn("config", answer["verdict"])

    def test_text(self):
        path = self.folder / "tables.safetensors"
        oracle.write(path, apart(angles(first=1)))
        run = self.rotary("doctor", "--tables", path)
        self.assertEqual(run.returncode, 4, run.stderr)
        self.assertEqual(run.stdout.splitlines()[0], "Row 0 is that of position 1, and so on.")
        self.assertIn("theta 10000", run.stdout)

    def test_what_rows_cannot_tell(self):
        code, answer = self.ask(apart(angles(rows=1)), LLAMA)
        self.assertEqual((code, answer["certainty"]), (0, "cannot tell"))
        self.assertEqual([f["code"] for f in answer["findings"]], ["cannot-tell"])
        code, answer = self.ask(apart(angles(rows=1, first=3)))
        self.assertEqual((code, answer["certainty"]), (0, "cannot tell"))
        self.sound(apart(angles(rows=2)), LLAMA)


def scaled(rule, dim, theta, length=4096):
    """Frequencies, attention factor and the config's words of a rule, from its paper."""
    w = oracle.frequencies(dim, theta)
    if rule == "linear":
        return w / 4, 1, {"rope_type": "linear", "factor": 4.0}
    if rule == "llama3":
        smooth = np.clip((length * w / (2 * np.pi) - 1) / 3, 0, 1)
        return (1 - smooth) * w / 8 + smooth * w, 1, {
            "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": length}
    if rule == "yarn":
        low, high = (dim * np.log(length / (turns * 2 * np.pi)) / (2 * np.log(theta)) for turns in (32, 1))
        low, high = max(np.floor(low), 0), min(np.ceil(high), dim - 1)
        ramp = np.clip((np.arange(dim // 2) - low) / (high - low), 0, 1)
        return w / 4 * ramp + w * (1 - ramp), 0.1 * np.log(4) + 1, {
            "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": length}
    return w, 1, None


def sound_case(seed):
    """Tables as engines compute them, in float or double, and a config that asks for them."""
    random = np.random.default_rng(seed)
    rule = ["plain", "linear", "llama3", "yarn"][seed % 4]
    dim, rows = int(random.choice([16, 32, 64])), int(random.choice([16, 100, 512, 2000]))
    theta = float(random.choice([1e4, 5e5, np.round(10 ** random.uniform(3, 7))]))
    w, factor, words = scaled(rule, dim, theta)
    number = random.choice([np.float32, np.float64])
    a = np.outer(np.arange(rows, dtype=number), w.astype(number))
    tables = apart(a, number, number(factor))
    stored = random.choice(["f64", "f32", "f16", "bf16"])
    convert = {"f64": np.float64, "f32": np.float32, "f16": np.float16}.get(stored)
    tensors = {k: v.astype(convert) if convert else ("BF16", oracle.to_bf16(v)) for k, v in tables.items()}
    config = {**LLAMA, "head_dim": dim, "max_position_embeddings": 16384, "rope_theta": theta}
    if words:
        config["rope_scaling"] = words
    return tensors, config, theta


class FalseAlarmTest(TablesCase):
    def test_none(self):
        for seed in range(24):
            with self.subTest(seed=seed):
                tensors, config, theta = sound_case(seed)
                self.sound(tensors, config)
                if seed % 4 == 0:
                    code, answer = self.ask(tensors)
                    self.assertEqual(code, 0, answer)


class FrequencyTest(TablesCase):
    def test_lists(self):
        w = oracle.frequencies(64)
        f32 = w.astype(np.float32)
        garbage = np.abs(np.random.default_rng(5).standard_normal(32)).astype(np.float32)
        for what, list_, config, codes in [
                ("as the config", f32, LLAMA, []), ("no config", f32, None, []), ("in double", w, LLAMA, []),
                ("theta", oracle.frequencies(64, 5e5).astype(np.float32), LLAMA, ["theta-differs"]),
                ("no YaRN", f32, YARN, ["scaling-missing"]), ("linear", f32 / 4, LLAMA, ["scaling-differs"]),
                ("too many", f32, PARTIAL, ["rotary-dim-differs"]),
                ("bf16", ("BF16", oracle.to_bf16(w)), LLAMA, ["frequencies-rounded"]),
                ("bf16 in f32", bf16(w).astype(np.float32), None, ["frequencies-rounded"]),
                ("zeros", 0 * f32, LLAMA, ["identity"]), ("garbage", garbage, None, ["not-a-rotation"]),
                ("negative", -f32, LLAMA, ["not-a-rotation"]), ("infinite", np.full(32, np.inf, np.float32), LLAMA, ["not-a-rotation"])]:
            with self.subTest(what):
                self.assertEqual(self.codes({"rotary_emb.inv_freq": list_}, config), codes)

    def test_how_far_angles_are_off(self):
        w = oracle.frequencies(64)
        _, answer = self.ask({"inv_freq": bf16(w).astype(np.float32)}, LLAMA)
        self.assertAlmostEqual(answer["worst_angle_error"]["radians"], np.max(np.abs(bf16(w) - w)) * 4095, 6)


class BadInputTest(TablesCase):
    def refuses(self, code, sentence, tensors, *options):
        path = self.folder / "tables.safetensors"
        oracle.write(path, tensors)
        self.fails(self.rotary("doctor", "--tables", path, *options), code, sentence.format(path))

    def test_sentences(self):
        c = np.ones((4, 8), np.float32)
        self.refuses(3, "cannot read {}: no tensor is called after cos, sin, cis or inv_freq; say by --name which to look at",
                     {"a": c, "b": c})
        self.refuses(3, "cannot read {}: 3 tensors may be tables (cos, cos2, sin); say by --name which one, or which two",
                     {"cos": c, "cos2": c, "sin": c})
        self.refuses(3, "cannot read {}: there is no tensor x; it holds cos", {"cos": c}, "--name", "x")
        self.refuses(3, "cannot read {}: cosines and sines must have one shape, got [4, 8] and [4, 6]",
                     {"cos": c, "sin": c[:, :6].copy()})
        self.refuses(3, "cannot read {}: a table of cosines and sines has an even width, got 7", {"cos_sin": c[:, :7].copy()})
        self.refuses(3, "cannot read {}: a table is [rows, width], got [4, 3, 5]", {"cos": np.ones((4, 3, 5), np.float32)})
        self.refuses(3, "cannot read {}: cos holds no numbers", {"cos": np.ones((0, 8), np.float32)})
        self.refuses(3, "cannot read {}: dtype must be f64, f32, bf16 or f16, got i64", {"cos": np.ones((4, 8), np.int64)})
        self.refuses(3, "cannot read {}: there are 3 positions for 4 rows", {"cos": c, "sin": c, "positions": np.arange(3)})
        for value, words in ((np.nan, "nan"), (np.inf, "inf"), (1e300, "1e+300")):
            self.refuses(3, "cannot read {}: positions: must be at most 2^53 in magnitude, got " + words,
                         {"cos": c, "sin": c, "positions": np.array([0, 1, 2, value])})
        self.refuses(3, "cannot read {}: rows: dtype must be f64, f32, bf16 or f16, got u8",
                     {"cos": c, "sin": c, "rows": np.arange(4, dtype=np.uint8)}, "--positions", "rows")
        for flag in ("--shape", "--centre"):
            self.refuses(2, f"doctor: {flag} says nothing about --tables", {"cos": c, "sin": c}, flag, "1")
        self.refuses(2, "doctor: --layer says which rotation of a config; give it by --config", {"cos": c, "sin": c},
                     "--layer", "0")
        np.save(self.folder / "one.npy", np.float32(3))
        self.fails(self.rotary("doctor", "--tables", "one.npy"), 3,
                   "cannot read one.npy: a table of cosines and sines has an even width, got 1")
        self.fails(self.rotary("doctor", "--tables", "x.npy", "--name", "cos"), 2,
                   "doctor: a .npy file holds one tensor, without a name")
        self.fails(self.rotary("doctor", "--tables", "x.npy", "--probe", "y"), 2,
                   "doctor: say what to do by exactly one of FILE (or two .npy files), --tables, --weights, --probe")


if __name__ == "__main__":
    unittest.main()
