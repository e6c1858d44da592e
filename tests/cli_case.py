"""What the tests of the program's commands share: a folder of their own, the program, and what every mistake looks like.

A test that imports this takes PROGRAM as its first argument.
"""

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PROGRAM = os.path.abspath(sys.argv.pop(1))


# In memory where there is such a place: each file that is written atomically waits for the disk.
MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None


class CliCase(unittest.TestCase):
    parent = None  # of the folder; nothing: where the system puts such

    def setUp(self):
        folder = tempfile.TemporaryDirectory(dir=self.parent)
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.out = self.folder / "out"

    def rotary(self, *arguments, **options):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, cwd=self.folder, **options)

    def fails(self, run, code, sentence):
        self.assertEqual(run.returncode, code, run.stderr)
        self.assertEqual(run.stdout, "")
        # The progress of a run may stand above the sentence, a hint below.
        self.assertIn(sentence, run.stderr.splitlines())

    def leaves_nothing(self, run, code, sentence):
        self.fails(run, code, sentence)
        self.assertFalse(self.out.exists())
