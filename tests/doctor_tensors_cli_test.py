"""`rotary doctor FILE` and its .npy form from outside: the text and the JSON have their parts, exit codes are 0 and 4, pages are
written whole or not at all, and everything that cannot be looked at has its sentence.

Usage: doctor_tensors_cli_test.py PROGRAM
"""

import json
import unittest
from pathlib import Path

import numpy as np

import rotation_oracle as oracle
from cli_case import MEMORY, CliCase

LLAMA = {"model_type": "llama", "hidden_size": 128, "num_attention_heads": 2, "head_dim": 64, "num_hidden_layers": 1,
         "max_position_embeddings": 8192, "rope_theta": 500000.0}
KEYS = {"verdict", "certainty", "layout", "head_dim", "rotary_dim", "offset", "theta", "rule", "factor", "attention_factor",
        "direction", "position_shift", "arithmetic", "rotation", "findings", "stories", "residual", "noise"}
FINDING_KEYS = {"code", "severity", "sentence", "evidence", "cause", "fix", "source"}
ROWS, TOKENS, HEADS = 2, 12, 3
SUITE = Path(__file__).resolve().parent.parent / "conformance" / "cases"


def inputs(head_dim=64, tokens=TOKENS):
    return np.random.default_rng(7).standard_normal((ROWS, tokens, HEADS, head_dim)).astype(np.float32)


def turned(x, positions, theta=10000.0, factor=1.0):
    """In the half layout, at positions [rows, tokens]."""
    angles = positions[:, :, None, None] * oracle.frequencies(x.shape[3], theta)
    first, second = np.split(x.astype(np.float64), 2, axis=3)
    return (factor * np.concatenate([first * np.cos(angles) - second * np.sin(angles),
                                     second * np.cos(angles) + first * np.sin(angles)], axis=3)).astype(x.dtype)


def counted(tokens=TOKENS):
    return np.arange(tokens, dtype=np.int64)[None, :] + np.array([[0], [40]])


class DoctorTensorsTest(CliCase):
    parent = MEMORY

    def setUp(self):
        super().setUp()
        self.file = self.folder / "case.safetensors"
        self.config = self.folder / "config.json"
        self.config.write_text(json.dumps(LLAMA))
        self.x, self.positions = inputs(), counted()

    def write(self, after, before=None, **others):
        before = self.x if before is None else before
        oracle.write(self.file, {"before": before, "after": after, "positions": self.positions, **others})

    def ask(self, code, *arguments):
        run = self.rotary("doctor", *arguments, "--json")
        self.assertEqual((run.returncode, run.stderr), (code, ""))
        answer = json.loads(run.stdout)
        self.assertEqual(set(answer), KEYS)
        for finding in answer["findings"]:
            self.assertEqual(set(finding), FINDING_KEYS)
            if finding["severity"] == "fault":
                self.assertTrue(finding["cause"] and finding["fix"] and finding["source"], finding)
        return answer

    def test_as_the_config_says(self):
        self.write(turned(self.x, self.positions, 500000.0))
        answer = self.ask(0, self.file, "--config", self.config)
        self.assertEqual(answer["verdict"], "Half layout, theta 500,000, positions as given: as the config says.")
        self.assertEqual([finding["code"] for finding in answer["findings"]], ["none-found"])
        wanted = {"certainty": "certain", "layout": "half", "head_dim": 64, "rotary_dim": 64, "offset": 0, "theta": 500000,
                  "rule": "default", "factor": None, "direction": "forward", "position_shift": 0}
        self.assertEqual({key: answer[key] for key in wanted}, wanted)
        self.assertAlmostEqual(answer["attention_factor"], 1, delta=1e-6)
        self.assertEqual(len(answer["rotation"]["frequency"]), 32)
        self.assertLess(answer["residual"], 3 * answer["noise"])

    def test_another_theta_in_text(self):
        self.write(turned(self.x, self.positions))
        answer = self.ask(4, self.file, "--config", self.config)
        self.assertEqual([finding["code"] for finding in answer["findings"]], ["theta-differs"])
        run = self.rotary("doctor", self.file, "--config", self.config)
        self.assertEqual((run.returncode, run.stderr), (4, ""))
        lines = run.stdout.splitlines()
        self.assertLessEqual(max(map(len, lines)), 100)
        self.assertEqual(" ".join(lines[:lines.index("")]), answer["verdict"])
        starts = ["Half layout", "certainty", "layout", "frequencies", "factor", "direction", "positions", "arithmetic",
                  "left over", "fault theta-differs", "  cause", "  fix", "  seen in", " pair   channels"]
        at = [next(i for i, line in enumerate(lines) if line.startswith(start)) for start in starts]
        self.assertEqual(at, sorted(at))
        # The pairs by the rule that was found, beside the config's.
        rows = [line.split() for line in lines[at[-1] + 1:]]
        self.assertEqual([rows[0][0], rows[-1][0]], ["0", "31"])
        for pair, channels, radians, turn, wanted, _ in rows:
            j = int(pair)
            self.assertEqual(channels, f"{j}~{j + 32}")
            for got, theta in ((radians, 1e4), (wanted, 5e5)):
                self.assertAlmostEqual(float(got) / theta ** (-j / 32), 1, delta=1e-5)
            self.assertAlmostEqual(float(turn.replace(",", "")) / (2 * np.pi * 1e4 ** (j / 32)), 1, delta=0.006)

    def rotation(self, config=LLAMA):
        """The flags that give the rotation of a config as inspect prints it."""
        self.config.write_text(json.dumps(config))
        file = self.folder / "rotation.json"
        file.write_text(self.rotary("inspect", self.config, "--json").stdout)
        return "--rotation", file

    def test_a_rotation_that_was_given_is_no_config(self):
        self.write(turned(self.x, self.positions, 500000.0))
        given = self.rotation()
        self.assertEqual(self.ask(0, self.file, *given)["verdict"],
                         "Half layout, the frequencies asked for, positions as given: as the rotation you gave says.")
        self.write(turned(self.x, self.positions))
        page = self.folder / "page.html"
        run = self.rotary("doctor", self.file, *given, "--out", page)
        self.assertEqual((run.returncode, run.stderr), (4, ""))
        self.assertTrue(run.stdout.startswith("Half layout, theta 10,000, positions as given. The rotation you gave says "
                                              "frequencies of its own:\nscores go wrong from about 8 tokens apart on.\n"),
                        run.stdout)
        self.assertIn("fault scaling-differs: Frequencies are theta 10,000, the rotation you gave asks for a list of its\nown.",
                      run.stdout)
        self.assertIn("  asked for  tokens to a radian off", run.stdout)
        self.assertIn("Measured less what the rotation you gave asks for", page.read_text())
        # Its causes and fixes may speak of configs.
        said = json.loads(self.rotary("doctor", self.file, *given, "--json").stdout)
        for words in (said["verdict"], *said["stories"], *(finding["sentence"] for finding in said["findings"])):
            self.assertNotIn("config", words)
        gptj = self.rotation({"model_type": "gptj", "n_embd": 128, "n_head": 2, "rotary_dim": 64, "n_layer": 1})
        said = self.ask(4, self.file, *gptj)
        layout = next(finding for finding in said["findings"] if finding["code"] == "layout-differs")
        self.assertEqual(layout["sentence"], "Channels pair up in half layout, those of the rotation you gave in interleaved.")
        run = self.rotary("doctor", self.file, *self.rotation({**LLAMA, "head_dim": 96}))
        self.fails(run, 2, "doctor: heads have 64 channels, those of the rotation you gave 96")

    def test_positions_that_were_not_used(self):
        # Two texts in each row, and a rotation that counts through.
        self.positions = np.broadcast_to(np.arange(TOKENS) % 7, (ROWS, TOKENS)).astype(np.int64)
        self.write(turned(self.x, np.broadcast_to(3 + np.arange(TOKENS), (ROWS, TOKENS))))
        answer = self.ask(4, self.file)
        self.assertEqual(answer["verdict"], "Half layout, theta 10,000. The positions that were given were not used: every row "
                                            "counts its tokens from 3. Scores see other distances between tokens.")
        self.assertEqual([finding["code"] for finding in answer["findings"]], ["position-shifted"])

    def test_npy_files_give_the_same_answer(self):
        after = turned(self.x, self.positions)
        self.write(after)
        wanted = self.ask(4, self.file, "--config", self.config)
        for positions in (self.positions, self.positions.astype(np.int32), self.positions.astype(np.float32)):
            for name, array in (("a", self.x), ("b", after), ("p", positions)):
                np.save(self.folder / f"{name}.npy", array)
            self.assertEqual(self.ask(4, "--before", "a.npy", "--after", "b.npy", "--positions", "p.npy", "--config",
                                      self.config), wanted)
        without = self.ask(0, "--before", "a.npy", "--after", "b.npy", "--shape", "bthd")
        self.assertEqual(without["theta"], 10000)
        # A row without a batch, heads first.
        np.save(self.folder / "a.npy", self.x[0].swapaxes(0, 1))
        np.save(self.folder / "b.npy", after[0].swapaxes(0, 1))
        self.assertEqual(self.ask(0, "--before", "a.npy", "--after", "b.npy", "--shape", "htd")["verdict"],
                         "Half layout, theta 10,000, positions counted from 0.")

    def test_dtypes_that_differ(self):
        kinds = {"F64": (np.float64, np.float64), "F32": (np.float32, np.float64), "F16": (np.float16, np.float64),
                 "BF16": (oracle.to_bf16, oracle.from_bf16)}
        positions = counted()
        small = np.where(np.arange(64) % 9 == 4, 1e-5, 1.0)  # numbers that are not normal in f16
        for before, (keep, read) in kinds.items():
            x = read(keep(self.x)).astype(np.float64)
            for after, (keep_after, read_after) in kinds.items():
                # What bf16 holds is not enough to tell that it came out in f16.
                still = x if before == "BF16" else read(keep(small * self.x)).astype(np.float64)
                for y, code, verdict in [
                        (turned(x, positions, 500000.0), "none-found", "theta 500,000, positions as given: as the config says"),
                        (turned(x, positions), "theta-differs", "theta 10,000, positions as given. Your config says"),
                        (still, "identity", "Nothing turned"),
                        (read_after(keep_after(oracle.from_bf16(oracle.to_bf16(turned(x, positions))))), "theta-differs",
                         "theta 10,000, positions as given. Your config says")]:
                    with self.subTest(before=before, after=after, code=code):
                        into = still if code == "identity" else x
                        oracle.write(self.file, {"before": (before, keep(into)), "after": (after, keep_after(y)),
                                                 "positions": positions})
                        answer = self.ask(0 if code == "none-found" else 4, self.file, "--config", self.config)
                        self.assertEqual([finding["code"] for finding in answer["findings"]], [code])
                        self.assertIn(verdict, answer["verdict"])

    def test_keys_by_the_name_of_the_file(self):
        # Keys and queries of MLA have heads of other sizes.
        self.config.write_text(json.dumps({"model_type": "deepseek_v3", "num_hidden_layers": 1, "qk_nope_head_dim": 32,
                                           "qk_rope_head_dim": 64, "max_position_embeddings": 4096, "rope_theta": 10000.0}))
        for name in ("k", "q"):
            np.save(self.folder / f"{name}.npy", self.x)
        run = self.rotary("doctor", "--before", "q.npy", "--after", "k.npy", "--config", self.config)
        self.fails(run, 2, "doctor: heads have 64 channels, the config's 96; another --part, --layer or --keys may fit")
        self.ask(4, "--before", "k.npy", "--after", "q.npy", "--config", self.config)

    def test_golden_vectors_are_as_their_configs_say(self):
        others = {"rebase", "shift", "unrotate", "unrotate_output"}  # of keys that were rotated already; backwards
        told = set()
        for path in sorted(SUITE.glob("*.json")):
            case = json.loads(path.read_text())
            if "rotation" not in case or path.stem == "no_rotation":
                continue
            self.config.write_text(json.dumps(case["config"] or case["rotation"]))
            arguments = [path.with_suffix(".safetensors"), "--before", "x", "--after", "y_f32",
                         "--config" if case["config"] else "--rotation", self.config]
            for key in ("part", "length", "centre"):
                arguments += [f"--{key}", case[key]] if case.get(key) else []
            arguments += ["--keys"] if case["side"] == "key" else []
            with self.subTest(path.stem):
                run = self.rotary("doctor", *arguments, "--json", "--out", self.out)
                if "choose one by --layer" in run.stderr:
                    run = self.rotary("doctor", *arguments, "--layer", case["layer"], "--json", "--out", self.out)
                self.assertEqual(run.returncode, 4 if path.stem in others else 0, run.stdout + run.stderr)
                verdict = json.loads(run.stdout)["verdict"]
                asked = "config" if case["config"] else "rotation you gave"
                self.assertEqual(verdict.endswith(f": as the {asked} says."), path.stem not in others, verdict)
                self.assertLess(self.out.stat().st_size, 300_000)
                told.add(path.stem)
        self.assertEqual(len(told), 96)

    def test_pages(self):
        self.write(turned(self.x, self.positions))
        quiet = self.rotary("doctor", self.file, "--config", self.config)
        run = self.rotary("doctor", self.file, "--config", self.config, "--out", self.out)
        self.assertEqual((run.returncode, run.stdout), (4, quiet.stdout + f"\nWith maps of every angle: {self.out}\n"))
        page = self.out.read_text()
        self.assertIn("Half layout, theta 10,000", page)
        self.assertEqual(page.count("<canvas"), 3)
        # As large as real files are.
        x = inputs(256, 4096)
        self.positions = counted(4096)
        self.write(turned(x, self.positions), x)
        self.assertEqual(self.rotary("doctor", self.file, "--json", "--out", self.out).returncode, 0)
        self.assertLess(self.out.stat().st_size, 1_000_000)

    def test_pages_that_cannot_be_written(self):
        self.write(turned(self.x, self.positions))
        before = self.file.read_bytes()
        run = self.rotary("doctor", self.file, "--config", self.config, "--out", self.file)
        self.fails(run, 2, f"doctor: --out {self.file} is an input, which would be lost")
        self.assertEqual(self.file.read_bytes(), before)
        missing = self.folder / "none" / "page.html"
        run = self.rotary("doctor", self.file, "--out", missing)
        self.assertEqual((run.returncode, run.stdout), (3, ""))
        self.assertIn(str(missing), run.stderr)
        for other in (("--tables", self.file), ("--weights", self.folder), ("--probe", "probe.safetensors")):
            self.leaves_nothing(self.rotary("doctor", *other, "--head-dim" if "--probe" in other else "--layer", "8", "--out",
                                            self.out), 2,
                                "doctor: --out makes the page of tensors before and after; --tables, --weights and --probe have "
                                "none")

    def test_tensors_that_cannot_be_looked_at(self):
        x, y = self.x, turned(self.x, self.positions)
        spoiled = {}
        for name, value in (("nan", np.nan), ("inf", np.inf)):
            spoiled[name] = y.copy()
            spoiled[name][1, 5, 2, 7] = value
        where = "row 1, token 5, head 2, channel 7"
        empty = np.zeros((1, 0, 2, 64), np.float32)
        p = self.positions
        cases = [
            ((x, spoiled["nan"], p), f"after: a number that is not finite, at {where}"),
            ((spoiled["inf"], y, p), f"before: a number that is not finite, at {where}"),
            ((empty, empty, p), "before: there are no numbers: [1, 0, 2, 64]"),
            ((x, y[:, :11], p), "after: it is [2, 11, 3, 64] and what went in is [2, 12, 3, 64] (rows, tokens, heads, channels)"),
            ((x.astype(np.int64), y, p), "before: it is i64, and f64, f32, f16 and bf16 are rotated"),
            ((x[0, 0], y[0, 0], p), "before: must be [tokens, heads, channels], with rows of a batch before them or not, got "
                                    "[3, 64]"),
            ((x.astype(np.float64), np.where(y == y.max(), 1e200, y), p), "after: a number beyond 1e100, at "
             + "row {}, token {}, head {}, channel {}".format(*np.argwhere(y == y.max())[0])),
            ((x[..., :1], y[..., :1], p),
             "before: heads have one channel, and a pair has two: [2, 12, 3, 1] (rows, tokens, heads, channels)"),
            ((x, y, p.astype(np.float16)), "positions: must be i64, i32, f64 or f32, got f16"),
            ((x, y, p[:, :11]), "positions: they are for 2 rows of 11 tokens, the tensors have 2 of 12"),
            ((x, y, p[:, :, None, None]), "positions: must be [tokens] or [batch, tokens], got [2, 12, 1, 1]"),
            ((x, y, p + 2**60), "positions: positions must be at most 2^53 in magnitude, got 1152921504606846976"),
            ((x, y, np.where(p == 3, np.nan, p)), "positions: a number that is not finite"),
        ]
        for (before, after, positions), sentence in cases:
            with self.subTest(sentence):
                oracle.write(self.file, {"before": before, "after": after, "positions": positions})
                self.leaves_nothing(self.rotary("doctor", self.file, "--config", self.config, "--out", self.out), 3,
                                    f"cannot read {self.file}: {sentence}")
                name = sentence.split(":")[0]
                for each, array in (("before", before), ("after", after), ("positions", positions)):
                    np.save(self.folder / f"{each}.npy", array)
                self.leaves_nothing(
                    self.rotary("doctor", "--before", "before.npy", "--after", "after.npy", "--positions", "positions.npy",
                                "--config", self.config, "--out", self.out), 3,
                    f"cannot read {name}.npy: {sentence[len(name) + 2:]}")

    def test_what_tells_nothing_is_no_fault_and_what_comes_of_nothing_is(self):
        y = turned(self.x, self.positions)
        for before, after, positions, code, verdict in [
                (0 * self.x, 0 * y, self.positions, 0, "Everything is zero, before and after."),
                (self.x, 0 * y, self.positions, 4, "All 24 tokens came out as zeros."),
                (self.x, y, self.positions + 2**52, 0,
                 "Positions are so large that angles are lost in float32, in which most engines compute them: every rotation "
                 "explains what came out."),
                (0 * self.x, y, self.positions, 4,
                 "The rotation leaves 1 of what came out, far more than its rounding: noise, or something that is no rotation.")]:
            with self.subTest(verdict):
                oracle.write(self.file, {"before": before, "after": after, "positions": positions})
                for config in ((), ("--config", self.config)):
                    answer = self.ask(code, self.file, *config)
                    self.assertEqual((answer["verdict"], answer["certainty"]), (verdict, "cannot tell"))

    def test_names_and_files_that_are_not_there(self):
        self.write(turned(self.x, self.positions), other=np.zeros(3, np.float32))
        for flags, name in ((("--before", "q"), "q"), (("--after", "q_out"), "q_out"), (("--positions", "ids"), "ids")):
            self.leaves_nothing(self.rotary("doctor", self.file, *flags, "--out", self.out), 3,
                                f"cannot read {self.file}: there is no tensor {name}; it holds before, after, positions, other")
        self.fails(self.rotary("doctor", "none.safetensors"), 3, "cannot read none.safetensors: no such file or folder")
        np.save(self.folder / "a.npy", self.x)
        self.fails(self.rotary("doctor", "--before", "a.npy", "--after", "none.npy"), 3,
                   "cannot read none.npy: no such file or folder")

    def test_wrong_usage(self):
        self.write(turned(self.x, self.positions))
        np.save(self.folder / "a.npy", self.x)
        npy = "doctor: without a FILE, --before, --after and --positions are .npy files"
        cases = [
            (("--before", "a.npy"), npy),
            (("--before", "a.npy", "--after", "a.npy", "--positions", "positions"), npy),
            (("--before", "a.npz", "--after", "b.npz"), npy),
            ((self.file, "--rotation", self.config, "--layer", "0"),
             "doctor: --layer says which rotation of a config; give it by --config"),
            *(((self.file, flag, "1"), f"doctor: {flag} says which rotation of a config; give it by --config")
              for flag in ("--layer", "--part", "--length", "--layout", "--ignore")),
            (("a.npy",), "doctor: a .npy file holds one tensor: give two, by --before a.npy --after b.npy"),
            ((self.file, "--shape", "dhtb"), 'doctor: shape must be one of bthd, bhtd, thd, htd, got "dhtb"'),
            ((self.file, "--tables", self.file),
             "doctor: say what to do by exactly one of FILE (or two .npy files), --tables, --weights, --probe"),
        ]
        for arguments, sentence in cases:
            with self.subTest(sentence):
                self.fails(self.rotary("doctor", *arguments), 2, sentence)
        self.fails(self.rotary("doctor", self.file, "--shape", "htd"), 3,
                   f"cannot read {self.file}: before: must be htd by its shape, got [2, 12, 3, 64]")


if __name__ == "__main__":
    unittest.main()
