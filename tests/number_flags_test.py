"""Every flag of every command that takes a number says its name where it is given a word, and exits with 2.

Usage: number_flags_test.py PROGRAM"""

import re
import unittest

from cli_case import CliCase

# What a help does not show to be numbers, by a default or a type.
NAMED = {"--by", "--centre", "--degrees", "--final-lr", "--head-dim", "--layer", "--length", "--steps", "--theta", "--threads",
         "--to-length", "--tokens", "--warmup"}


class NumberFlagsTest(CliCase):
    def flags(self, command):
        """The flags that take a number, by the help of a command."""
        help_text = self.rotary(command, "--help").stdout
        flags = re.findall(r"^  (?:-\w,)?(--[a-z0-9-]+)(.*)$", help_text, re.MULTILINE)
        number = r"=[-+]?\d+(\.\d+)?(e[-+]\d+)?( |$)| (INT|FLOAT)\b"
        return [flag for flag, shown in flags if flag in NAMED or re.match(number, shown)]

    def test_all(self):
        commands = re.findall(r"^  ([a-z]+)  ", self.rotary("--help").stdout.split("Subcommands:")[1], re.MULTILINE)
        self.assertGreaterEqual(len(commands), 15)
        met = set()
        for command in commands:
            for flag in self.flags(command):
                met.add(flag)
                for word in ("x", "1x", ""):
                    with self.subTest(command=command, flag=flag, word=word):
                        run = self.rotary(command, f"{flag}={word}")
                        self.assertEqual(run.returncode, 2, run.stderr)
                        sentence, hint = run.stderr.splitlines()
                        self.assertRegex(sentence, rf"(?<![\w-]){flag}(?![\w-])")
                        self.assertEqual(hint, f"See `rotary {command} --help`.")
        self.assertGreaterEqual(met, NAMED | {"--minutes", "--seconds", "--seeds", "--lr", "--layers", "--context", "--stride"})


if __name__ == "__main__":
    unittest.main()
