"""`rotary compare` and `rotary demo` as a person meets them: what they write and print, that they go on after Ctrl-C and after
a kill, and one sentence with the right exit code (2 wrong usage, 3 a bad file, 1 the rest) for what can be wrong.

Usage: compare_cli_test.py PROGRAM
"""

import hashlib
import json
import signal
import subprocess
import time
import unittest

from cli_case import PROGRAM, CliCase

TINY = ["--layers", "1", "--model-dim", "16", "--heads", "2", "--context", "16", "--batch", "2", "--threads", "1",
        "--evaluation-windows", "4", "--steps", "6"]


class CompareCliTest(CliCase):
    def setUp(self):
        super().setUp()
        self.text = self.folder / "a text.txt"
        self.text.write_text("".join(f"the wheel turns {i % 12} times; " for i in range(300)))

    def compare(self, *arguments):
        return self.rotary("compare", self.text, "--out", self.out, *TINY, *arguments)

    def results(self):
        return json.loads((self.out / "results.json").read_text())

    def test_compares_all_encodings(self):
        run = self.compare()
        self.assertEqual(run.returncode, 0, run.stderr)
        results = self.results()
        (experiment,) = results["experiments"]
        self.assertEqual(experiment["encodings"], ["rotary", "sinusoidal", "learned", "alibi", "none"])
        self.assertEqual(experiment["seeds"], [1])
        self.assertEqual(experiment["options"]["model_dim"], 16)
        data = self.text.read_bytes()
        self.assertEqual(results["text"]["files"],
                         [{"name": "a text.txt", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}])
        self.assertEqual(results["text"]["training_bytes"] + results["text"]["held_out_bytes"], len(data))
        self.assertTrue(results["command"].startswith(f"rotary compare '{self.text}' --out "))
        self.assertIn("--model-dim 16 ", results["command"])
        # One seed: the page and the terminal compare nothing.
        self.assertIn("Nothing here says which encoding is better", run.stdout)
        self.assertNotIn("±", run.stdout)
        self.assertEqual(run.stdout.splitlines()[-1], str(self.out / "report.html"))
        self.assertIn("Nothing here says which encoding is better", (self.out / "report.html").read_text())

    def test_each_text_is_read_once(self):
        piped = "a pipe ends where it was read; " * 100
        run = self.rotary("compare", "/dev/stdin", "--validation", self.text, "--out", self.out, *TINY, "--encodings", "none",
                          input=piped)
        self.assertEqual(run.returncode, 0, run.stderr)
        texts = [piped.encode(), self.text.read_bytes()]
        described = self.results()["text"]
        self.assertEqual(described["files"],
                         [{"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
                          for name, data in zip(["stdin", "a text.txt"], texts)])
        self.assertEqual(described["sha256"], hashlib.sha256(b"".join(texts)).hexdigest())
        self.assertEqual([described["training_bytes"], described["held_out_bytes"]], list(map(len, texts)))

    def test_command_of_the_results_makes_them_again(self):
        self.assertEqual(self.compare("--encodings", "none,rotary", "--seeds", "2").returncode, 0)
        first = self.results()
        again = first["command"].replace("rotary compare", f"{PROGRAM} compare", 1).replace(str(self.out), "again")
        subprocess.run(again, shell=True, check=True, capture_output=True, cwd=self.folder)
        second = json.loads((self.folder / "again" / "results.json").read_text())

        def losses(results):
            return [(run["encoding"], run["seed"], run["training"]["loss"], run["final_loss"], run["lengths"])
                    for run in results["experiments"][0]["runs"]]
        self.assertEqual(losses(first), losses(second))
        self.assertEqual([run[:2] for run in losses(first)], [("none", 1), ("none", 2), ("rotary", 1), ("rotary", 2)])

    def test_report_is_written_again_from_results(self):
        run = self.compare("--encodings", "rotary,none", "--seeds", "2", "--json")
        self.assertEqual(json.loads(run.stdout), self.results())
        page = (self.out / "report.html").read_text()
        (self.out / "report.html").unlink()
        again = self.rotary("compare", "--from", self.out / "results.json", "--out", self.out)
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual((self.out / "report.html").read_text(), page)

    def test_linear_attention_leaves_alibi_out_and_says_so(self):
        run = self.compare("--attention", "linear")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("compare: without alibi, which adds to scores: linear attention has none", run.stderr.splitlines())
        self.assertEqual(self.results()["experiments"][0]["encodings"], ["rotary", "sinusoidal", "learned", "none"])

    def test_masked_models(self):
        run = self.compare("--objective", "mlm", "--encodings", "rotary,learned")
        self.assertEqual(run.returncode, 0, run.stderr)
        (experiment,) = self.results()["experiments"]
        self.assertEqual([length["loss"] is None for length in experiment["runs"][1]["lengths"]], [False] + 3 * [True])
        kinds = {span["kind"] for span in experiment["runs"][0]["sample"]}
        self.assertTrue(kinds <= {"given", "right", "wrong"})

    def test_rotation_of_a_config(self):
        config = self.folder / "config.json"
        config.write_text(json.dumps({"model_type": "llama", "head_dim": 8, "num_hidden_layers": 1, "rope_theta": 100.0,
                                      "max_position_embeddings": 16}))
        run = self.compare("--encodings", "rotary", "--rope-config", config)
        self.assertEqual(run.returncode, 0, run.stderr)
        results = self.results()
        frequency = [w for (w,) in results["experiments"][0]["rotation"]["frequency"]]
        for i, w in enumerate(frequency):
            self.assertAlmostEqual(w, 100 ** (-i / 4), places=14)
        self.assertIn(f"--rope-config {config}", results["command"])
        self.out = self.folder / "none"
        self.leaves_nothing(self.compare("--encodings", "none", "--rope-config", config), 2,
                            "compare: a rotation is for the encoding rotary, which is not compared")

    def start(self, *arguments):
        return subprocess.Popen([PROGRAM, "compare", str(self.text), "--out", str(self.out), *TINY, *arguments],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def wait_for_run(self, count):
        deadline = time.monotonic() + 60
        while len(list(self.out.glob("runs/*/result.json"))) < count:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.005)

    def test_goes_on_after_ctrl_c_and_after_a_kill(self):
        options = ["--encodings", "rotary,none", "--seeds", "2", "--steps", "600", "--lr", "0.003"]
        process = self.start(*options)
        self.wait_for_run(1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertEqual((process.returncode, out), (1, ""), err)
        self.assertIn("compare: stopped; the same command goes on where it was", err.splitlines())
        self.assertFalse((self.out / "results.json").exists())

        process = self.start(*options)
        self.wait_for_run(2)
        process.kill()
        process.communicate()
        run = self.compare(*options)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertIn("Finished runs are kept from before; the rest goes on.", run.stderr)
        interrupted = self.results()

        self.out = self.folder / "straight"
        self.assertEqual(self.compare(*options).returncode, 0)
        for a, b in zip(interrupted["experiments"][0]["runs"], self.results()["experiments"][0]["runs"]):
            self.assertEqual(a["training"]["loss"], b["training"]["loss"])
            self.assertEqual(a["held_out"], b["held_out"])
            self.assertEqual(a["sample"], b["sample"])

    def test_other_options_do_not_mix_with_kept_runs(self):
        self.assertEqual(self.compare("--encodings", "none").returncode, 0)
        before = (self.out / "results.json").read_bytes()
        run = self.compare("--encodings", "none", "--lr", "0.1")
        self.assertEqual(run.returncode, 2)
        self.assertIn("none-seed-1 holds a run of another comparison (", run.stderr)
        self.assertEqual((self.out / "results.json").read_bytes(), before)

    def test_demo_reports_and_keeps_its_steps(self):
        texts = []
        for i in range(9):
            texts.append(self.folder / f"{i}.txt")
            texts[-1].write_bytes(self.text.read_bytes())
        arguments = ["demo", *texts, "--out", self.out, "--minutes", "0.001", "--seeds", "1", "--threads", "1"]
        run = self.rotary(*arguments)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run.stdout.splitlines()[-1], str(self.out / "report.html"))
        results = self.results()
        causal, masked = results["experiments"]
        self.assertEqual((causal["objective"], masked["objective"]), ("causal", "mlm"))
        self.assertEqual(causal["encodings"], ["rotary", "sinusoidal", "learned", "alibi", "none"])
        self.assertEqual(masked["encodings"], ["rotary", "none"])
        self.assertIn(f"The number of steps, {causal['steps']}, is what this machine could take", results["note"])
        self.assertIn("# the 9 texts listed below, in this order", results["command"])
        written = [(path, path.stat().st_mtime_ns) for path in self.out.glob("runs/*/*/result.json")]
        self.assertEqual(len(written), 7)
        self.assertEqual(self.rotary(*arguments).returncode, 0)  # nothing is left to run
        self.assertEqual([(path, path.stat().st_mtime_ns) for path, _ in written], written)
        # Another text makes the kept runs useless.
        texts[0].write_text("other " * 3000)
        self.assertEqual(self.rotary(*arguments).returncode, 0)
        self.assertNotEqual(self.results()["text"]["sha256"], results["text"]["sha256"])

    def test_bad_input_is_one_sentence(self):
        self.leaves_nothing(self.compare("--encodings", "rotary,rope"), 2,
                            "position encoding must be one of rotary, sinusoidal, learned, alibi, none, got \"rope\"")
        self.leaves_nothing(self.compare("--encodings", "none,none"), 2, "compare: none is asked for twice")
        self.leaves_nothing(self.compare("--encodings", "alibi", "--attention", "linear"), 2,
                            "model: ALiBi adds to scores, and linear attention has none; use softmax attention")
        self.leaves_nothing(self.compare("--seeds", "0"), 2, "--seeds must be a whole number of at least 1, got 0")
        self.leaves_nothing(self.compare("--heads", "3"), 2,
                            "model: model_dim must be a multiple of heads, got model_dim 16 and 3 heads")
        self.leaves_nothing(self.rotary("compare", "--out", self.out), 2, "compare: TEXT is required, or --from")
        self.leaves_nothing(self.rotary("compare", "absent.txt", "--out", self.out), 3,
                            "cannot read absent.txt: no such file or folder")
        self.leaves_nothing(self.rotary("compare", "--from", self.text, "--out", self.out), 3,
                            f"cannot read {self.text}: not JSON at line 1, column 2: invalid literal; last "
                            "read: 'th'")
        short = self.folder / "short.txt"
        short.write_text("too short")
        run = self.rotary("compare", short, "--out", self.out)
        self.assertEqual(run.returncode, 3)
        self.assertIn("too short", run.stderr)
        self.assertFalse(self.out.exists())
        self.out.write_text("a file")
        run = self.compare("--encodings", "none")
        self.assertEqual(run.returncode, 3, run.stderr)
        self.assertEqual(len(run.stderr.splitlines()), 1, run.stderr)

    def test_diverging_run_says_the_step(self):
        run = self.compare("--encodings", "none", "--lr", "1e30", "--final-lr", "1e30", "--clip", "0", "--steps", "50")
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertRegex(run.stderr.splitlines()[-1], r"^compare: none, seed 1: train: step \d+ of 50 ")
        self.assertFalse((self.out / "results.json").exists())


if __name__ == "__main__":
    unittest.main(verbosity=1)
