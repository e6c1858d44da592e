"""The judge of the doctor, judged: its roundings, frequencies, configs and rotations against NumPy, against 60 digits,
against the golden vectors and against what `rotary inspect` says; its verdicts on answers that are made up; and how much
of what it draws can be decided.

Usage: generator_test.py PROGRAM CONFORMANCE
"""

import json
import sys
import unittest
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import numpy as np

CONFORMANCE = Path(sys.argv.pop(2))
sys.path[:0] = [str(Path(__file__).resolve().parent.parent), str(Path(__file__).resolve().parent.parent / "published")]
import cases  # noqa: E402
import configs  # noqa: E402
import rotation_oracle as files  # noqa: E402
import rules  # noqa: E402
import spectra  # noqa: E402
from cli_case import CliCase  # noqa: E402
from decide import indistinct  # noqa: E402
from faults import FAULTS, PAIRS  # noqa: E402
from judge import facts_off, judge  # noqa: E402
from rope import Rope  # noqa: E402
from rounding import round_to, ulp  # noqa: E402
from turning import Run, turn  # noqa: E402


def random(seed=1):
    return np.random.default_rng(seed)


class RoundingTest(unittest.TestCase):
    def setUp(self):
        # Many sizes, ties between neighbours of each format, numbers below the normal ones, beyond the largest.
        x = random().normal(0, 1, 20000) * 2.0 ** random().integers(-30, 18, 20000)
        ties = np.float32(x).astype(float)
        self.x = np.concatenate([x, ties, round_to(ties, "bf16") + ulp(ties, "bf16") / 2, round_to(ties, "f16")
                                 + ulp(ties, "f16") / 2, [0.0, -0.0, 65519.9, 65520.0, 1e-8, 2.0**-24, 2.0**-25]])

    def test_as_numpy(self):
        with np.errstate(over="ignore"):
            np.testing.assert_array_equal(round_to(self.x, "f32"), np.float32(self.x).astype(float))
            np.testing.assert_array_equal(round_to(self.x, "f16"), np.float16(self.x).astype(float))

    def test_as_bits(self):
        x = np.float32(self.x).astype(float)
        np.testing.assert_array_equal(round_to(x, "bf16"), files.from_bf16(files.to_bf16(x)).astype(float))
        bits = np.float32(x).view(np.uint32).astype(np.uint64)
        tf32 = ((bits + 0xFFF + ((bits >> 13) & 1)) & ~np.uint64(0x1FFF)).astype(np.uint32).view(np.float32)
        np.testing.assert_array_equal(round_to(x, "tf32"), tf32.astype(float))


class SpectraTest(unittest.TestCase):
    def near(self, found, wanted):
        for a, b in zip(found, wanted, strict=True):
            self.assertTrue(abs(a - float(b)) <= 1e-12 * abs(float(b)), (a, float(b)))

    def test_against_many_digits(self):
        yarn = {"factor": 4, "original_max_position_embeddings": 32768}
        found, wanted = spectra.yarn(1e6, 128, 4, 32768), rules.yarn(1000000, 128, yarn)
        self.near(found[0], wanted[0])
        self.near(found[1:], wanted[1:])
        found = spectra.yarn(150000.0, 64, 32, 4096, truncate=False, mscale=0.7, mscale_all_dim=1)
        wanted = rules.yarn(150000, 64, {"factor": 32, "original_max_position_embeddings": 4096, "truncate": False,
                                         "mscale": Decimal("0.7"), "mscale_all_dim": 1})
        self.near(found[0], wanted[0])
        self.near(found[1:], wanted[1:])
        llama = {"factor": 8, "original_max_position_embeddings": 8192, "low_freq_factor": 1, "high_freq_factor": 4}
        self.near(spectra.llama3(5e5, 128, 8, 8192)[0], rules.llama3(500000, 128, llama))
        self.near(spectra.dynamic(1e4, 128, 2, 4096, 9000)[0], rules.dynamic_ntk(10000, 128, 2, 4096, 9000))
        self.near(spectra.proportional(1e6, 512, 0.25)[0], rules.proportional(1000000, 512, "0.25"))
        lists = {"short_factor": [1, 1.5], "long_factor": [2, 5.25]}
        found = spectra.longrope(1e4, 4, 16, 8192, **lists, length=9000)
        wanted = rules.longrope(10000, 4, {**lists, "factor": 16}, 8192, 0, 9000)
        self.near(found[0], wanted[0])
        self.near(found[1:], wanted[1:])


class TurningTest(unittest.TestCase):
    def test_golden_vectors(self):
        """Cases of one frequency per pair, with the frequencies that they state."""
        compared = 0
        for path in sorted((CONFORMANCE / "cases").glob("*.json")):
            case, tensors = json.loads(path.read_text()), files.read(path.with_suffix(".safetensors"))
            rotation, layout = case["rotation"], case.get("layout")
            first, second = np.array(rotation["first"]), np.array(rotation["second"])
            odd = {"second_frequency", "log_decay"} & set(rotation) or "heads" in rotation or case["direction"] != "forward"
            if odd or not len(first) or layout not in ("half", "interleaved") or "strided" in case:
                continue

            class Given(Rope):
                def spectrum(self):
                    return np.zeros(0), rotation["attention_factor"]

                def frequency(self):
                    return np.reshape(rotation["frequency"], (len(first), rotation["axes"]))

                def channels(self, layout=None):
                    return first, second

            positions = tensors["positions"].reshape(*tensors["x"].shape[:2], rotation["axes"])
            rope = Given(rotation["head_dim"], 2 * len(first), layout)
            y, _ = turn(Run(rope, positions, dtype="f64"), tensors["x"].astype(float))
            size = np.max(np.abs(positions)) * np.max(np.abs(rotation["frequency"]))
            worst = np.max(np.abs(y - tensors["y_f64"]))
            bound = 40 * (1 + size) * 2.0**-52
            self.assertTrue(worst <= bound, (path.name, worst, bound))
            compared += 1
        self.assertGreaterEqual(compared, 50)

    def test_faults_by_hand(self):
        """Two channels, one angle: what each fault does is known without a program."""
        x = np.array([[[[3.0, 4.0, 1.0, 2.0]]]])
        rope = Rope(4, 2, theta=10000.0)
        run = Run(rope, np.array([[[2]]]), dtype="f64")

        def pair(a, g=1.0):
            return [g * (3 * np.cos(a) - 4 * np.sin(a)), g * (3 * np.sin(a) + 4 * np.cos(a)), 1, 2]

        def of(name, at=0):
            return turn(FAULTS[name](run)[at], x)[0].ravel()

        np.testing.assert_allclose(turn(run, x)[0].ravel(), pair(2), rtol=1e-14)
        np.testing.assert_allclose(of("direction-reversed"), pair(-2), rtol=1e-14)
        np.testing.assert_allclose(of("rotated-twice"), pair(4), rtol=1e-14)
        np.testing.assert_allclose(of("position-shifted"), pair(3), rtol=1e-14)
        np.testing.assert_allclose(of("attention-factor-differs"), pair(2, 0.7), rtol=1e-14)
        np.testing.assert_allclose(of("identity"), [3, 4, 1, 2])
        c, s = np.cos(2), np.sin(2)
        np.testing.assert_allclose(of("offset-differs"), [3, 4, c - 2 * s, s + 2 * c], rtol=1e-14)
        whole = turn(FAULTS["rotary-dim-differs"](run)[0], x)[0].ravel()  # pairs (0, 2) by 2, (1, 3) by 0.02
        np.testing.assert_allclose(whole[[0, 2]], [3 * c - s, 3 * s + c], rtol=1e-14)
        np.testing.assert_allclose(whole[[1, 3]], [4 * np.cos(.02) - 2 * np.sin(.02), 4 * np.sin(.02) + 2 * np.cos(.02)],
                                   rtol=1e-14)

    def test_tables_that_do_not_match(self):
        """Half pairs (0, 2), (1, 3) with a table 0 0 1 1; neighbours (0, 1), (2, 3) with a table 0 1 0 1."""
        x, positions = np.array([[[[1.0, 2.0, 3.0, 4.0]]]]), np.array([[[5]]])
        a, b = 5.0, 0.05
        for layout, pairs in (("half", ((0, 2, a, b), (1, 3, a, b))), ("interleaved", ((0, 1, a, b), (2, 3, a, b)))):
            run = FAULTS["tables-mismatch"](Run(Rope(4, 4, layout), positions, dtype="f64"))[0]
            y, x0 = turn(run, x)[0].ravel(), x.ravel()
            for i, j, first, second in pairs:
                np.testing.assert_allclose(y[i], x0[i] * np.cos(first) - x0[j] * np.sin(first), rtol=1e-14)
                np.testing.assert_allclose(y[j], x0[j] * np.cos(second) + x0[i] * np.sin(second), rtol=1e-14)

    def test_variance_is_what_rounding_does(self):
        for dtype, arithmetic in (("bf16", "exact"), ("f16", "products"), ("f16", "exact"), ("bf16", "products")):
            run = Run(Rope(64, 64), np.arange(50)[None, :, None], arithmetic, dtype, 4)
            x = round_to(random().normal(0, 1, (1, 50, 4, 64)), dtype)
            exact = turn(Run(run.rope, run.positions, "exact", dtype, 4), x)[0]
            y, noise = turn(run, x)
            ratio = np.mean((round_to(y, dtype) - exact) ** 2 / noise)
            # Cosines near 1 are hardly rounded; where products are not, the variance allows for it.
            least = 0.6 if arithmetic == "products" else 0.3
            self.assertTrue(least <= ratio <= 1.1, (dtype, arithmetic, ratio))


class ConfigsTest(CliCase):
    def test_configs_say_what_is_asked(self):
        """The program reads every config as the generator means it."""
        seen = set()
        for seed in range(150):
            generator = random(seed)
            rope, config = configs.draw(int(generator.integers(1, 20000)), generator)
            path = self.folder / "config.json"
            path.write_text(json.dumps(config))
            run = self.rotary("inspect", path, "--json", "--length", rope.length)
            self.assertEqual(run.returncode, 0, run.stderr)
            query = json.loads(run.stdout)["layers"][0]["query"]
            first, second = rope.channels()
            self.assertEqual((query["head_dim"], query["first"], query["second"]),
                             (rope.head_dim, first.tolist(), second.tolist()), config)
            found = np.reshape(query["frequency"], (len(first), -1))
            np.testing.assert_allclose(found, rope.frequency(), rtol=1e-12, err_msg=str(config))
            self.assertTrue(abs(query["attention_factor"] - rope.spectrum()[1]) < 1e-12, config)
            seen |= {config["model_type"], rope.rule, rope.layout}
        wanted = {"llama", "cohere", "stablelm", "glm4", "gptj", "gpt_neox", "deepseek_v3", "gemma4_text", "qwen2_vl_text",
                  "qwen3_vl_text", "glm4v_text", *spectra.RULES}
        self.assertLessEqual(wanted, seen)


class JudgeTest(unittest.TestCase):
    def answer(self, *codes, exit_code=None):
        findings = [{"code": code.split()[0], "severity": "note" if "note" in code else "fault"} for code in codes]
        faulty = any(entry["severity"] == "fault" for entry in findings)
        return SimpleNamespace(returncode=4 * faulty if exit_code is None else exit_code, stderr="",
                               stdout=json.dumps({"findings": findings}))

    def test_verdicts(self):
        case = {names: cases.draw(names, random(3)) for names in ((), ("layout-differs",), ("tables-rounded",),
                                                                   ("theta-differs", "layout-differs"))}
        rows = [((), (), set(), "right"), ((), ("cannot-tell note",), set(), "cannot-tell"),
                ((), ("tables-rounded note",), set(), "right"), ((), ("theta-differs",), {"theta-differs"}, "wrong"),
                (("layout-differs",), ("layout-differs",), set(), "right"), (("layout-differs",), (), set(), "wrong"),
                (("layout-differs",), ("layout-differs", "identity"), set(), "wrong"),
                (("layout-differs",), (), {"none"}, "right"), (("layout-differs",), ("identity",), {"identity"}, "right"),
                (("layout-differs",), ("cannot-tell note",), set(), "cannot-tell"),
                (("layout-differs",), ("layout-differs note",), set(), "wrong"),
                (("tables-rounded",), ("tables-rounded note",), set(), "right"), (("tables-rounded",), (), set(), "wrong"),
                (("theta-differs", "layout-differs"), ("theta-differs",), set(), "wrong"),
                (("theta-differs", "layout-differs"), ("theta-differs", "layout-differs"), set(), "right")]
        for names, said, others, wanted in rows:
            self.assertEqual(judge(case[names], self.answer(*said), others)[0], wanted, (names, said))
        self.assertEqual(judge(case[()], self.answer(exit_code=4), set())[0], "wrong")
        self.assertEqual(judge(case[()], self.answer(exit_code=3), set())[0], "wrong")

    def test_most_cases_are_decidable(self):
        decidable = 0
        names = [(), *[(name,) for name in FAULTS], *PAIRS]
        for number, faults in enumerate(names * 2):
            case = cases.draw(faults, random(number))
            decidable += not indistinct(case)
        self.assertGreaterEqual(decidable, 0.7 * 2 * len(names))

    def test_what_cannot_be_known(self):
        """One token at position 0 looks the same under most stories; many tokens do not."""
        generator = random(5)
        for tokens, few in ((1, False), (40, True)):
            run = Run(Rope(64, 64), np.arange(tokens)[None, :, None], dtype="f32", head_count=2)
            truth = FAULTS["layout-differs"](run)[0]
            x = cases.inputs(1, tokens, 2, 64, "f32", generator)
            case = cases.Case(("layout-differs",), {}, run, truth, (), x, *turn(truth, x), True, "bthd")
            self.assertEqual(not indistinct(case), few)

    def test_positions_that_are_not_given(self):
        """May be any: turning back is then turning at negative positions, of another theta too."""
        generator = random(6)
        run = Run(Rope(64, 64), 5 + np.arange(40)[None, :, None], dtype="f32", head_count=2)
        x = cases.inputs(1, 40, 2, 64, "f32", generator)
        for faults in (("direction-reversed",), ("theta-differs", "direction-reversed")):
            truth, alone = cases.with_faults(run, faults, generator)
            for known in (True, False):
                case = cases.Case(faults, {}, run, truth, alone, x, *turn(truth, x), known, "bthd")
                self.assertEqual(not indistinct(case), known, faults)

    def test_facts(self):
        """Numbers beside the codes."""
        run = Run(Rope(64, 32, "half", theta=500000.0), np.arange(20)[None, :, None], dtype="f32")
        right = {"layout": "half", "rotary_dim": 32, "offset": 0, "theta": 500000.0, "attention_factor": 1.0,
                 "direction": "forward"}
        case = SimpleNamespace(faults=(), asked=run, truth=run, dtype="f32")
        self.assertEqual(facts_off(case, right), [])
        for key, wrong in (("layout", "interleaved"), ("rotary_dim", 64), ("offset", 32), ("theta", 10000.0),
                           ("attention_factor", 1.1), ("direction", "inverse")):
            self.assertEqual(facts_off(case, {**right, key: wrong}), [key])


if __name__ == "__main__":
    unittest.main()
