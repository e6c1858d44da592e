"""Properties: a ratio compares samples of one round, a row made of two bench rows takes the time of both, noisy rounds are
set aside while there are quiet ones, a row that `rotary bench` lacks still lists its peers, a peer that answers wrongly is
refused and not timed, and run.py speaks its protocol with peers and program (stand-ins here: no package is needed) and
adds to the file that it finds.
"""

import json
import os
import stat
import subprocess
import sys
import tempfile
import unittest

import peer
import report

RUN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "run.py")

PROGRAM = """#!/bin/sh
while [ "$1" != --filter ]; do shift; done
name=${2%\\$}
row='"work": 2e9, "value": 4.0, "unit": "GB/s", "limit": 5.0, "share": 0.8, "spread": 0.01, "formula": "bytes"'
[ "$name" = rotate/f16/128 ] && rows="" || rows="{\\"name\\": \\"$name\\", $row}"
echo '{"machine": {"cpu": "stand-in", "cores": 2, "threads": 1, "simd": "none"}, "results": ['"$rows"']}'
"""
PEER = """#!/bin/sh
echo '{"cases": ["fast", "slow"], "refused": {"none": "no kernel"}, "versions": {"stand-in": "1.0"}}'
while read round; do
  echo '{"fast": {"seconds": 1.5, "others": 0}, "slow": {"seconds": 3, "others": 0}}'
done
"""


def bench_row(seconds, share=0.5, others=0.0):
    return {"work": 1e9, "value": 1 / seconds, "unit": "GB/s", "share": share, "spread": 0.02, "formula": "bytes",
            "others": others}


def one_round(ours, peers, others=0.0):
    return {"row": "r", "threads": 1, "ours": ours, "refused": {},
            "peers": {name: {"seconds": seconds, "others": others} for name, seconds in peers.items()}}


class ReportTest(unittest.TestCase):
    def test_ratios_are_taken_within_a_round(self):
        # The machine is four times slower in the second round, for both.
        rounds = [one_round([bench_row(s)], {"a": 2 * s, "b": 3 * s}) for s in (1, 4, 1)]
        [row] = report.summarize(rounds)
        self.assertEqual(row["best_peer"], "a")
        self.assertAlmostEqual(row["peers"]["a"]["ratio"], 2)
        self.assertAlmostEqual(row["peers"]["b"]["lowest"], 3)
        self.assertAlmostEqual(row["peers"]["b"]["highest"], 3)
        self.assertAlmostEqual(row["ours"], 1)
        self.assertAlmostEqual(row["limit"], 2)

    def test_a_row_of_two_takes_the_time_of_both(self):
        [row] = report.summarize([one_round([bench_row(1, share=1), bench_row(3, share=0.5)], {"a": 8})])
        self.assertAlmostEqual(row["ms"], 4000)
        self.assertAlmostEqual(row["peers"]["a"]["ratio"], 2)
        self.assertAlmostEqual(row["share"], (1 + 1.5) / 4)
        self.assertAlmostEqual(row["ours"], 2 / 4)

    def test_noisy_rounds_are_set_aside(self):
        quiet, noisy = one_round([bench_row(1)], {"a": 2}), one_round([bench_row(1, others=1)], {"a": 9})
        [row] = report.summarize([noisy, quiet, one_round([bench_row(1)], {"a": 9}, others=1)])
        self.assertAlmostEqual(row["peers"]["a"]["ratio"], 2)
        self.assertEqual(row["rounds"], 1)
        [row] = report.summarize([noisy, noisy])
        self.assertEqual((row["rounds"], row["others"]), (2, 1))

    def test_a_row_that_the_program_lacks_lists_its_peers(self):
        summary = report.summarize([one_round([], {"a": 2})])
        self.assertNotIn("ours", summary[0])
        self.assertIn("| r | 1 | a | 2000 | - |", report.peers_table(summary))
        self.assertIn("| r | 1 | - | - |", report.best_table(summary))


class CasesTest(unittest.TestCase):
    def test_wrong_answers_are_refused(self):
        def check(got):
            if not abs(got - 1) <= 0.1:
                raise ValueError(f"wrong answer: {got}")

        cases = peer.Cases()
        for name, answer in (("good", 1.0), ("bad", 2.0), ("nan", float("nan"))):
            cases.add(name, lambda answer=answer: answer, check)
        self.assertEqual(cases.refused, {"bad": "ValueError: wrong answer: 2.0", "nan": "ValueError: wrong answer: nan"})
        timed = cases.round(min_seconds=1e-3)
        self.assertEqual(list(timed), ["good"])
        self.assertGreater(timed["good"]["seconds"], 0)

    def test_the_quietest_sample_counts(self):
        loads = iter([0.9, 0.5, 0.7, 0.0])
        self.assertEqual(peer.quietest(lambda: {"others": next(loads)}), {"others": 0.5})
        loads = iter([0.9, 0.1, 0.0])
        self.assertEqual(peer.quietest(lambda: {"others": next(loads)}), {"others": 0.1})


class RunTest(unittest.TestCase):
    def run_rows(self, folder, rows, *more):
        paths = {}
        for name, text in (("program", PROGRAM), ("python", PEER)):
            paths[name] = os.path.join(folder, name)
            with open(paths[name], "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(paths[name], stat.S_IRWXU)
        out = os.path.join(folder, "out", "peers.json")
        command = [sys.executable, RUN, "--python", paths["python"], "--rotary", paths["program"], "--out", out]
        run = subprocess.run(command + ["--rows", rows, "--threads", "1", *more], capture_output=True, text=True)
        return run, out

    def test_rounds_are_added_to_the_file(self):
        with tempfile.TemporaryDirectory() as folder:
            for rounds in (2, 4):
                run, out = self.run_rows(folder, "rotate/f32/128", "--rounds", "2")
                self.assertEqual(run.returncode, 0, run.stderr)
                with open(out, encoding="utf-8") as file:
                    store = json.load(file)
                rows = {row["row"]: row for row in store["summary"]}
                self.assertEqual(list(rows), ["rotate/f32/128", "rotate/f32/128+gradient"])
                self.assertEqual(len(store["rounds"]), 2 * rounds)
            self.assertEqual(store["versions"], {"stand-in": "1.0"})
            self.assertEqual(rows["rotate/f32/128"]["refused"], {"none": "no kernel"})
            self.assertAlmostEqual(rows["rotate/f32/128"]["peers"]["fast"]["ratio"], 3)
            self.assertAlmostEqual(rows["rotate/f32/128+gradient"]["peers"]["fast"]["ratio"], 1.5)
            self.assertIn("| rotate/f32/128 | 1 | 4 GB/s | 5 | 0.80 | 1.0% | 500 | fast | 1500 | 3.00", run.stdout)

    def test_rows_that_the_program_lacks(self):
        with tempfile.TemporaryDirectory() as folder:
            run, _ = self.run_rows(folder, "rotate/f16/128", "--quick")
            self.assertEqual(run.returncode, 0, run.stderr)
            self.assertIn("| rotate/f16/128 | 1 | - |", run.stdout)
            self.assertIn("| rotate/f16/128+gradient | 1 | - |", run.stdout)  # one of its two rows is missing
            run, _ = self.run_rows(folder, "rotate/f17")
            self.assertEqual(run.returncode, 2)
            self.assertIn("no row begins with rotate/f17; there are rotate/f32/4096,", run.stderr)


if __name__ == "__main__":
    unittest.main()
