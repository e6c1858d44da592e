"""Every command of docs/cases.md and docs/doctor.md, run in the checkout: it prints what the page says and ends with 4, a fault
found. The files of the stories are what make_stories.py makes, and each answer has the code of its story.

Usage: cases_test.py PROGRAM CHECKOUT
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM, CHECKOUT = os.path.abspath(sys.argv[1]), Path(sys.argv[2]).resolve()
del sys.argv[1:3]
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from readme_test import examples, matches  # noqa: E402

CODES = {"lost_theta": {"theta-differs", "scaling-missing"}, "factor_twice": {"attention-factor-squared"},
         "bf16_frequencies": {"frequencies-rounded"}, "bf16_positions": {"positions-rounded"},
         "tf32_positions": {"positions-rounded"}, "indexer_layout": {"layout-differs"},
         "mismatched_tables": {"tables-mismatch"}, "ignored_positions": {"positions-restart", "position-shifted"},
         "unwritten_rows": {"rows-differ"}, "rotated_twice": {"rotated-twice"}}
EITHER = {"ignored_positions"}  # one of the codes


class CasesTest(unittest.TestCase):
    def run_in_checkout(self, command):
        path = os.path.dirname(PROGRAM) + os.pathsep + os.environ["PATH"]
        return subprocess.run(["bash", "-c", command], cwd=CHECKOUT, env={**os.environ, "PATH": path}, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL)

    def test_every_command(self):
        page = "".join((CHECKOUT / "docs" / name).read_text(encoding="utf-8") for name in ("cases.md", "doctor.md"))
        told = set()
        for command, expected in examples(page):
            with self.subTest(command):
                run = self.run_in_checkout(command)
                self.assertEqual(run.returncode, 4, run.stderr)
                self.assertTrue(matches(expected, run.stdout.splitlines()), run.stdout)
                story = next(name for name in CODES if f"/{name}." in command)
                findings = json.loads(self.run_in_checkout(f"{command} --json").stdout)["findings"]
                found = {finding["code"] for finding in findings if finding["severity"] == "fault"}
                met = found & CODES[story] if story in EITHER else found >= CODES[story]
                self.assertTrue(met, (story, found))
                told.add(story)
        self.assertEqual(told, set(CODES))

    def test_files_are_made(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, HERE / "make_stories.py", folder], check=True)
            made = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
        kept = {path.name: path.read_bytes() for path in (HERE / "stories").iterdir()}
        self.assertEqual(made.keys(), kept.keys())
        for name, content in made.items():
            self.assertEqual(content, kept[name], name)


if __name__ == "__main__":
    unittest.main()
