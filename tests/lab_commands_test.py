"""Runs `rotary trace` and `rotary decay` as a person would: what they print, their pages in a browser, and the sentence and
exit code of each mistake.

Usage: lab_commands_test.py PROGRAM [--pages]     --pages opens the pages in Chromium
"""

import json
import sys
import unittest

from cli_case import CliCase

PAGES = "--pages" in sys.argv and not sys.argv.remove("--pages")


class LabCommandsTest(CliCase):
    def good(self, *arguments):
        run = self.rotary(*arguments)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return run.stdout

    def bad(self, code, sentence, *arguments):
        self.fails(self.rotary(*arguments), code, sentence)

    def test_trace_prints_the_worked_example(self):
        lines = self.good("trace", "1,0,0,1", "--degrees", "30", "--positions", "0..12").splitlines()
        self.assertEqual(len(lines), 14)
        self.assertEqual(lines[2].split(), ["1", "0.866", "0.500", "-0.500", "0.866"])
        self.assertEqual(lines[3].split(), ["2", "0.500", "0.866", "-0.866", "0.500"])
        self.assertEqual(lines[13].split(), ["12", "1.000", "0.000", "0.000", "1.000"])

    def test_trace_pairs_halves_and_takes_negative_numbers(self):
        rows = json.loads(self.good("trace", "-1,0,0,1", "--degrees", "90", "--layout", "half", "--positions", "1",
                                    "--json"))["rows"]
        for got, want in zip(rows[0]["vector"], [0, -1, -1, 0]):
            self.assertAlmostEqual(got, want, 8)

    def test_trace_reads_a_rotation(self):
        path = self.folder / "r.json"
        path.write_text('{"head_dim": 3, "attention_factor": 1, "axes": 1, "first": [0], "second": [2], '
                        '"frequency": [[3.14159265358979312]]}')
        row = json.loads(self.good("trace", "1,5,2", "--rotation", path, "--positions", "1", "--json"))["rows"][0]
        for got, want in zip(row["vector"], [-1, 5, -2]):
            self.assertAlmostEqual(got, want, 8)

    def test_decay_prints_the_table(self):
        lines = self.good("decay", "--distances", "0,250,1000", "--theta", "10000,1e6").splitlines()
        self.assertEqual(lines[1].split(), ["distance", "theta", "10000", "theta", "1000000"])
        self.assertEqual([line.split() for line in lines[2:5]],
                         [["0", "32.50", "32.50"], ["250", "6.55", "13.76"], ["1000", "4.47", "12.50"]])

    def test_decay_prints_json(self):
        curve = json.loads(self.good("decay", "--head-dim", "64", "--distances", "10", "--json"))["curves"][0]
        self.assertAlmostEqual(curve["bounds"][0], 8.81, 2)

    def test_mistakes(self):
        self.bad(2, 'trace: "1,x" is no vector such as 1,0,-0.5,1', "trace", "1,x")
        self.bad(2, 'trace: positions: "1-5" is no list of whole numbers such as 0..12 or 0,1,5',
                 "trace", "1,0", "--positions", "1-5")
        self.bad(2, 'trace: layout must be one of interleaved, half, got "odd"', "trace", "1,0", "--layout", "odd")
        self.bad(2, "rotation: rotary_dim must be even and at most head_dim (3), got 3", "trace", "1,2,3")
        self.bad(2, "--degrees excludes --theta", "trace", "1,0", "--degrees", "3", "--theta", "5")
        self.bad(2, "VECTOR is required", "trace")
        self.bad(2, "--theta must be a number above 0, got -4", "decay", "--theta", "-4")
        missing = self.folder / "missing.json"
        self.bad(3, f"cannot read {missing}: no such file or folder", "decay", "--rotation", missing)
        page = self.folder / "missing" / "page.html"
        self.bad(3, f"cannot write {page}: no such file or folder", "decay", "--out", page)
        self.assertEqual(list(self.folder.iterdir()), [])

    @unittest.skipUnless(PAGES, "pages are opened with --pages")
    def test_pages_open_without_a_word(self):
        from browser import Browser

        self.good("trace", "1,0,0,1", "--degrees", "30", "--out", self.folder / "trace.html")
        self.good("decay", "--theta", "10000,500000", "--out", self.folder / "decay.html")
        with Browser() as browser:
            for name, figures in (("trace.html", 3), ("decay.html", 2)):
                for width, dark in ((1280, False), (390, True)):
                    page = browser.open(self.folder / name, width=width, dark=dark)
                    self.assertEqual(page.problems, [])
                    self.assertEqual(page.value("document.documentElement.scrollWidth"), width)
                    self.assertEqual(page.value("document.querySelectorAll('figure').length"), figures)
                    empty = page.value(
                        "[...document.querySelectorAll('canvas, svg')].filter(e => "
                        "e.getBoundingClientRect().width < 100 || e.getBoundingClientRect().height < 100).length")
                    self.assertEqual(empty, 0)


if __name__ == "__main__":
    unittest.main()
