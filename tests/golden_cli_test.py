"""`rotary golden --check` and conformance/check.py on the outputs of an engine written here in NumPy: both pass it in every
dtype, and where it makes a documented mistake both name the rule that the mistake breaks first. A file that cannot be read is
its case's verdict; what is no folder of outputs gets its sentence.

Usage: golden_cli_test.py PROGRAM CONFORMANCE"""

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

import numpy as np

from cli_case import CliCase
import rotation_oracle as oracle

CONFORMANCE = Path(sys.argv.pop(1)).resolve()
CASES = CONFORMANCE / "cases"


def load(name):
    return json.loads((CASES / f"{name}.json").read_text()), oracle.read(CASES / f"{name}.safetensors")


def rounded_to(bits):
    """Keeps so many bits of a mantissa, as bf16 (8) and fp16 (11) do."""
    def apply(x):
        mantissa, exponent = np.frexp(x)
        return np.ldexp(np.round(mantissa * 2.0**bits) / 2.0**bits, exponent)
    return apply


def matrix(case, positions, narrow=lambda v: v, **changes):
    """The four coefficients of every [batch, token, head or 1, pair]; `changes` replace parts of the rotation."""
    r = case["rotation"] | changes
    shape = r.get("heads", 1), len(r["first"]), r["axes"]
    p = narrow(positions.reshape(*positions.shape[:2], r["axes"]).astype(float))

    def angles(key):
        return np.einsum("btx,hjx->bthj", p, narrow(np.reshape(r.get(key, r["frequency"]), shape)))
    a, b = angles("frequency"), angles("second_frequency")
    g = r["attention_factor"]
    if "log_decay" in r:
        exponent = np.array(r["log_decay"]) * (p[:, :, None, :1] - case["centre"])
        g = g * np.exp(exponent if case["side"] == "query" else -exponent)
    if case["direction"] == "inverse":
        return np.cos(a) / g, np.sin(a) / g, -np.sin(a) / g, np.cos(a) / g
    return g * np.cos(a), -g * np.sin(a), g * np.sin(b), g * np.cos(b)


def turned(case, x, m, transposed=False, first=None, second=None):
    """In double, or in the dtype of what is given."""
    first, second = first or case["rotation"]["first"], second or case["rotation"]["second"]
    y = x.astype(float)
    a, b = y[..., first], y[..., second]
    m01, m10 = (m[2], m[1]) if transposed else (m[1], m[2])
    y[..., first], y[..., second] = m[0] * a + m01 * b, m10 * a + m[3] * b
    return y


def unscaled(case, theta=10000.0):
    r = case["rotation"]
    d = 2 * len(r["first"])
    return [[theta ** (-2 * i / d)] for i in range(d // 2)]


class GoldenTest(CliCase):
    def verdicts(self):
        """Of the program; check.py must say the same. {name: (verdict, rule)} of the cases that are there."""
        run = self.rotary("golden", "--check", self.out, "--suite", CASES, "--json")
        report = {case["name"]: (case["verdict"], case.get("rule")) for case in json.loads(run.stdout)["cases"]}
        broken = [name for name, (verdict, _) in report.items() if verdict == "broken"]
        self.assertEqual(run.returncode, 1 if broken else 0, run.stderr)
        script = self.check(self.out)
        self.assertEqual(script.stderr, "")
        self.assertEqual(script.returncode, run.returncode)
        lines = {f"{name}: broken, {report[name][1]}" for name in broken}
        self.assertEqual({line for line in script.stdout.splitlines() if ": broken, " in line}, lines)
        return {name: verdict for name, verdict in report.items() if verdict[0] != "not offered"}

    def put(self, name, **tensors):
        self.out.mkdir(exist_ok=True)
        oracle.write(self.out / f"{name}.safetensors", tensors)

    def setUp(self):
        super().setUp()
        self.expected = {}  # of outputs that are written and not scored yet

    def tearDown(self):
        self.settle()

    def settle(self):
        if self.expected:
            self.assertEqual(self.verdicts(), self.expected)
            for name in self.expected:
                (self.out / f"{name}.safetensors").unlink()
        self.expected = {}

    def breaks(self, rule, name, y):
        if name in self.expected:
            self.settle()
        self.put(name, y=y.astype(np.float32))
        self.expected[name] = ("broken", rule)

    def test_a_right_engine_passes_in_every_dtype(self):
        names = [path.stem for path in CASES.glob("*.json")]
        casts = {"f64": lambda v: v, "f32": np.float32, "f16": np.float16,
                 "bf16": lambda v: ("BF16", oracle.to_bf16(v))}
        for dtype, cast in casts.items():
            for name in names:
                case, t = load(name)
                m = matrix(case, t["positions"])
                d_x = turned(case, t["d_y"], m, transposed=True)
                self.put(name, y=cast(turned(case, t["x"], m)), d_x=cast(d_x))
            self.assertEqual(self.verdicts(), {name: ("passed", None) for name in names}, dtype)

    def test_float32_angles_pass_all_but_the_level_of_precision(self):
        for path in CASES.glob("*.json"):
            case, t = load(path.stem)
            m = matrix(case, t["positions"], np.float32)
            self.put(path.stem, y=turned(case, t["x"], [v.astype(np.float32) for v in m]).astype(np.float32))
        for name, (verdict, rule) in self.verdicts().items():
            level = load(name)[0]["level"]
            self.assertEqual((verdict, rule), ("broken", "precision") if level == "precision" else ("passed", None), name)

    def test_layouts_and_spans(self):
        for name, other in (("half", "interleaved"), ("interleaved", "half"), ("partial_interleaved", "half"),
                            ("last_channels_keys", "half"), ("yarn", "interleaved")):
            case, t = load(name)
            d, o = case["rotary_dim"], case["offset"]
            first = list(range(o, o + d, 2)) if other == "interleaved" else list(range(o, o + d // 2))
            second = [c + (1 if other == "interleaved" else d // 2) for c in first]
            self.breaks("pairing", name, turned(case, t["x"], matrix(case, t["positions"]), False, first, second))
        # The whole head for its quarter; half a head apart; the first channels for the last.
        for name in ("partial_half", "last_channels_queries"):
            case, t = load(name)
            pairs, head_dim = len(case["rotation"]["first"]), case["rotation"]["head_dim"]
            first = list(range(pairs))
            self.breaks("span", name, turned(case, t["x"], matrix(case, t["positions"]), False, first,
                                             [c + head_dim // 2 for c in first]))
        # Ordinary partial rotation for the proportional one.
        case, t = load("proportional")
        m = [v[..., :64] for v in matrix(case, t["positions"])]
        self.breaks("pairing", "proportional",
                    turned(case, t["x"], m, False, list(range(64)), list(range(64, 128))))

    def test_frequencies(self):
        for name in ("theta_in_rope_parameters", "interleaved", "linear", "llama3", "dynamic_long", "longrope_long",
                     "ntk_alpha", "partial_half", "retnet", "yarn_not_truncated", "one_token"):
            case, t = load(name)
            theta = 500000.0 if name == "llama3" else 500.0 if name == "partial_half" else 10000.0
            self.breaks("frequencies", name,
                        turned(case, t["x"], matrix(case, t["positions"], frequency=unscaled(case, theta))))

    def test_attention_factor(self):
        for name, wrong in (("yarn", 1), ("yarn", 1.1386294361119891**2), ("yarn_attention_factor", 1.4158883083),
                            ("longrope_short", 1), ("shift", 1.2079441541), ("yarn_mscale", 1)):
            case, t = load(name)
            self.breaks("attention factor", name,
                        turned(case, t["x"], matrix(case, t["positions"], attention_factor=wrong)))
        case, t = load("unrotate")  # the gradient in place of the inverse
        m = matrix(case | {"direction": "forward"}, t["positions"])
        self.breaks("attention factor", "unrotate", turned(case, t["x"], m, transposed=True))

    def test_directions_and_decay(self):
        for name in ("half", "roformer", "yarn", "seconds_turns", "mrope"):
            case, t = load(name)
            self.breaks("direction", name, turned(case, t["x"], matrix(case, -t["positions"])))
        case, t = load("xpos_keys")
        self.breaks("decay", "xpos_keys", turned(case, t["x"], matrix(case | {"side": "query"}, t["positions"])))

    def test_positions(self):
        for name in ("half", "one_token", "minimum_queries", "left_padding", "backwards", "million"):
            case, t = load(name)
            self.breaks("positions", name, turned(case, t["x"], matrix(case, t["positions"] + 1)))
        for name in ("half", "one_token", "chunk", "packed", "streaming"):
            case, t = load(name)
            first_row = np.broadcast_to(t["positions"][:1], t["positions"].shape)
            self.breaks("positions", name, turned(case, t["x"], matrix(case, first_row)))
        for name in ("packed", "left_padding", "chunk", "grouped", "real"):
            case, t = load(name)
            columns = np.broadcast_to(np.arange(t["positions"].shape[1]), t["positions"].shape)
            self.breaks("positions", name, turned(case, t["x"], matrix(case, columns)))
        for name in ("million", "half"):  # clamped at the end of a table
            case, t = load(name)
            self.breaks("positions", name, turned(case, t["x"], matrix(case, np.minimum(t["positions"], 4095))))
        case, t = load("negative")
        self.breaks("positions", "negative", turned(case, t["x"], matrix(case, np.maximum(t["positions"], 0))))

    def test_precision_and_rounding(self):
        for name in ("half", "theta_in_rope_parameters", "exact_half", "mrope", "yarn"):
            case, t = load(name)
            for bits in (8, 11):  # bf16; fp16, or the products of TF32
                self.breaks("precision", name, turned(case, t["x"], matrix(case, t["positions"], rounded_to(bits))))
        case, t = load("exact_beyond_float")
        self.breaks("precision", "exact_beyond_float",
                    turned(case, t["x"], matrix(case, t["positions"].astype(np.float32))))
        self.settle()
        case, t = load("exact_half")  # towards zero in place of to nearest
        y = turned(case, t["x"], matrix(case, t["positions"]))
        cut = (y.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)
        self.put("exact_half", y=("BF16", cut))
        self.assertEqual(self.verdicts(), {"exact_half": ("broken", "rounding")})

    def test_axes(self):
        for name in ("mrope", "mrope_interleaved", "vision_half", "vision_blocks", "video_wan", "image_generator",
                     "vision_normalised"):
            case, t = load(name)
            swapped = t["positions"].copy()
            swapped[..., [-1, -2]] = swapped[..., [-2, -1]]
            self.breaks("axes", name, turned(case, t["x"], matrix(case, swapped)))
        case, t = load("mrope_interleaved")  # contiguous sections
        flat = np.sum(case["rotation"]["frequency"], axis=1)
        contiguous = np.zeros((64, 3))
        for axis, (begin, end) in enumerate(((0, 24), (24, 44), (44, 64))):
            contiguous[begin:end, axis] = flat[begin:end]
        self.breaks("axes", "mrope_interleaved",
                    turned(case, t["x"], matrix(case, t["positions"], frequency=contiguous)))
        case, t = load("two_angles_neighbours")  # the "repaired" table
        repaired = case["rotation"]["frequency"]
        self.breaks("angles", "two_angles_neighbours",
                    turned(case, t["x"], matrix(case, t["positions"], second_frequency=repaired)))

    def test_gradient(self):
        case, t = load("gradient_attention_factor")
        m = matrix(case, t["positions"])
        y = turned(case, t["x"], m).astype(np.float32)
        wrong = {"forward": turned(case, t["d_y"], m),
                 "inverse": turned(case, t["d_y"], matrix(case | {"direction": "inverse"}, t["positions"]))}
        for d_x in wrong.values():
            self.put(case["name"], y=y, d_x=d_x.astype(np.float32))
            self.assertEqual(self.verdicts(), {case["name"]: ("broken", "gradient")})
        self.put(case["name"], y=y)
        self.assertEqual(self.verdicts(), {})  # no gradient: not offered

    def test_bad_outputs(self):
        case, t = load("half")
        y = turned(case, t["x"], matrix(case, t["positions"])).astype(np.float32)
        for rule, tensors in {"output": [{"x": y}, {"y": y[:1]}, {"y": y.astype(np.int64)}],
                              "finite": [{"y": y * np.float32("nan")}, {"y": y * np.float32("inf")}]}.items():
            for outputs in tensors:
                self.put("half", **outputs)
                self.assertEqual(self.verdicts(), {"half": ("broken", rule)})
        self.put("no_rotation", y=load("no_rotation")[1]["x"] * np.float32(2))
        self.put("half", y=y)
        self.assertEqual(self.verdicts(), {"half": ("passed", None), "no_rotation": ("broken", "span")})

    def test_unreadable_outputs_are_broken_and_the_others_scored(self):
        for name in ("half", "interleaved"):
            case, t = load(name)
            self.put(name, y=turned(case, t["x"], matrix(case, t["positions"])).astype(np.float32))
        self.assertEqual(self.verdicts(), {"half": ("passed", None), "interleaved": ("passed", None)})
        file = self.out / "half.safetensors"
        whole = file.read_bytes()
        header = whole[8:8 + int.from_bytes(whole[:8], "little")].decode()
        for damaged in (b"", b"{}", whole[:100], whole[:-1], b"\xff" * 100, *(
                len(text).to_bytes(8, "little") + text.encode() + whole[8 + len(header):]
                for text in ("[1]", '{"y": 3}', '{"y": {"dtype": "F32"}}', header.replace("y", "\\"), "{" * 5000))):
            file.write_bytes(damaged)
            self.assertEqual(self.verdicts(), {"half": ("broken", "output"), "interleaved": ("passed", None)}, damaged[:20])
        file.unlink()
        file.mkdir()
        self.assertEqual(self.verdicts(), {"half": ("broken", "output"), "interleaved": ("passed", None)})

    def check(self, *arguments):
        return subprocess.run([sys.executable, CONFORMANCE / "check.py", *map(str, arguments)], capture_output=True, text=True)

    def test_sentences_of_the_script(self):
        self.assertTrue(os.access(CONFORMANCE / "check.py", os.X_OK))
        usage = "give a folder of outputs: check.py OUTPUTS [CASES]"
        for arguments in ((), (self.out, CASES, 3)):
            self.fails(self.check(*arguments), 1, usage)
        self.fails(self.check(self.out), 1, f"cannot read {self.out}: it holds no outputs, NAME.safetensors")
        self.put("hlaf", y=np.zeros(1, np.float32))
        self.fails(self.check(self.out), 1, f"cannot read {self.out}: {CASES} has no case hlaf")
        self.fails(self.check(self.out, "nowhere"), 1, f"cannot read {self.out}: nowhere has no case hlaf")

    def test_page_and_sentences(self):
        case, t = load("half")
        y = turned(case, t["x"], matrix(case, t["positions"] + 1))
        self.put("half", y=y)
        run = self.rotary("golden", "--check", self.out, "--suite", CASES)
        self.assertEqual(run.returncode, 1)
        self.assertIn("half: broken, positions: row 0, token 0, head 0, pair 0: turns where the position on its axis is 0\n"
                      "core: 0 of 14 passed, 1 broken, 13 not offered\n", run.stdout)
        self.assertEqual(run.stderr, "golden: 1 of 97 cases are broken\n")
        self.fails(self.rotary("golden"), 2, "golden: give --out or --check")
        self.fails(self.rotary("golden", "--check", "nowhere", "--suite", CASES), 3,
                   "cannot read nowhere: it is not a folder")
        self.put("hlaf", y=y)
        self.fails(self.rotary("golden", "--check", self.out, "--suite", CASES), 3,
                   f"cannot read {self.out}: {CASES} has no case hlaf")
        empty = self.folder / "empty"
        empty.mkdir()
        self.fails(self.rotary("golden", "--check", empty, "--suite", CASES), 3,
                   f"cannot read {empty}: it holds no outputs, NAME.safetensors")
        self.fails(self.rotary("golden", "--check", self.out), 3,
                   "cannot read conformance/cases: there is no such folder; --suite says where the golden vectors are")
        self.fails(self.rotary("golden", "--check", self.out, "--suite", self.out), 3,
                   f"cannot read {self.out}: it holds no golden vectors")

    def test_a_damaged_suite_is_refused(self):
        suite = self.folder / "suite"
        suite.mkdir()
        self.out.mkdir()
        for name, old, new, sentence in (
                ("half", '"tolerance": "float32"', '"tolerance": "near"', "tolerance is not one of its values: near"),
                ("half", '"0x1p+0","', '"0x1p+1","', "hexadecimal.frequency[0] is not the decimal number: 0x1p+1, not 0x1p+0"),
                ("half", '"level": "core"', '"level": "hard"', "level is not a level: hard"),
                ("learned", '"heads": 3,\n', '"heads": 4,\n', "heads is 4, the rotation has frequencies of 3")):
            text = (CASES / f"{name}.json").read_text()
            self.assertIn(old, text)
            path = suite / f"{name}.json"
            path.write_text(text.replace(old, new))
            self.fails(self.rotary("golden", "--check", self.out, "--suite", suite), 3, f"cannot read {path}: {sentence}")
            path.unlink()


if __name__ == "__main__":
    unittest.main()
