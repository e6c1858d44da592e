"""`rotary bench` from outside: what its JSON holds, that a share is about the value over the limit, that each SIMD target of the
machine can be asked for and counts the same work, and bad input. The row it runs, a rotation of one token, is far below its
limit on any machine: bench refuses shares above 1.03."""

import json
import re
import unittest

from cli_case import CliCase

ROW = ["rotate", "--filter", "rotate/f32/1$", "--threads", "1", "--seconds", "0.02"]


class BenchTest(CliCase):
    def bench(self, *arguments):
        run = self.rotary("bench", *ROW, "--json", *arguments)
        self.assertEqual(run.returncode, 0, run.stderr)
        return json.loads(run.stdout)

    def test_each_simd_target(self):
        targets = re.search(r"--simd TEXT:\{(.*)\}", self.rotary("bench", "--help").stdout)[1].split(",")
        self.assertIn(self.bench()["machine"]["simd"], targets)
        works = set()
        for target in targets:
            # Value, limit and share are medians over rounds, each of its own: other programs disturb them, now and then.
            for _ in range(5):
                report = self.bench("--simd", target)
                (result,) = report["results"]
                ratio = result["share"] / (result["value"] / result["limit"])
                if 0.5 < ratio < 2:
                    break
            self.assertEqual(report["machine"]["simd"], target)
            self.assertEqual(report["machine"]["threads"], 1)
            self.assertEqual(set(result), {"name", "work", "value", "unit", "limit", "share", "spread", "formula"})
            self.assertEqual(result["name"], "rotate/f32/1")
            self.assertTrue(0.5 < ratio < 2, ratio)
            works.add(result["work"])
        self.assertEqual(works, {2 * 4 * 40 * 128})  # bytes: read and written, f32, heads, channels

    def test_bad_input(self):
        for arguments, sentence in (
            (["bench", "--simd", "AVX9"], "--simd: AVX9 not in "),
            (["bench", "cooking"], "group: cooking not in "),
            (["bench", "rotate", "--seconds", "0"], "--seconds must be a number above 0, got 0"),
        ):
            run = self.rotary(*arguments)
            self.assertEqual(run.returncode, 2, run.stderr)
            self.assertEqual(run.stdout, "")
            self.assertIn(sentence, run.stderr)


if __name__ == "__main__":
    unittest.main()
