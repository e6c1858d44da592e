"""Every flag of every command that takes a number answers a word, and a number that it cannot hold, with one form
of sentence, which names it, and exits with 2.

Usage: number_flags_test.py PROGRAM"""

import re
import unittest

from cli_case import CliCase

# What a help does not show to be numbers, by a default or a type.
NAMED = {"--by", "--centre", "--degrees", "--final-lr", "--head-dim", "--layer", "--length", "--steps", "--theta", "--threads",
         "--to-length", "--tokens", "--warmup"}

WORDS = ["x", "1x", "nan", "1e999", "1_000"]
# The parser of options alone would take the last ones for the nearest number that the type holds.
NO_WHOLE_NUMBERS = ["1.5", "0x10", "1e20", "99999999999999999999", "-99999999999999999999"]


class NumberFlagsTest(CliCase):
    def flags(self, command):
        """The flags that take a number, by the help of a command."""
        help_text = self.rotary(command, "--help").stdout
        flags = re.findall(r"^  (?:-\w,)?(--[a-z0-9-]+)(.*)$", help_text, re.MULTILINE)
        number = r"=[-+]?\d+(\.\d+)?(e[-+]\d+)?( |$)| (INT|FLOAT)\b"
        return [flag for flag, shown in flags if flag in NAMED or re.match(number, shown)]

    def says(self, command, flag, word, form):
        with self.subTest(command=command, flag=flag, word=word):
            run = self.rotary(command, f"{flag}={word}")
            self.assertEqual(run.returncode, 2, run.stderr)
            sentence, hint = run.stderr.splitlines()
            self.assertRegex(sentence, f"^{form}$")
            self.assertEqual(hint, f"See `rotary {command} --help`.")

    def test_all(self):
        commands = re.findall(r"^  ([a-z]+)  ", self.rotary("--help").stdout.split("Subcommands:")[1], re.MULTILINE)
        self.assertGreaterEqual(len(commands), 15)
        met = set()
        for command in commands:
            for flag in self.flags(command):
                met.add(flag)
                self.says(command, flag, "", f"{flag} needs a value")
                form = f"{flag} must be a( whole)? number( of at (least|most) -?[0-9]+| above 0)?, got "
                whole = " whole " in self.rotary(command, f"{flag}=x").stderr
                for word in WORDS + (NO_WHOLE_NUMBERS if whole else []):
                    self.says(command, flag, word, form + re.escape(word))
        self.assertGreaterEqual(met, NAMED | {"--minutes", "--seconds", "--seeds", "--lr", "--layers", "--context", "--stride"})

    def test_forms_of_whole_numbers(self):
        for form, digits in (("1e1", "10"), ("10.0", "10"), ("010", "10"), ("00", "0")):
            for flag in ("--head-dim", "--rotary-dim"):
                with self.subTest(flag=flag, form=form):
                    runs = [self.rotary("decay", f"{flag}={number}") for number in (form, digits)]
                    self.assertEqual(runs[0].stdout, runs[1].stdout)
                    self.assertEqual(runs[0].returncode, runs[1].returncode)
        most = 2**64 - 1  # beyond what a double tells apart
        self.fails(self.rotary("train", f"--seed={most}"), 2, "TEXT is required")
        self.fails(self.rotary("train", f"--seed={most + 1}"), 2,
                   f"--seed must be a whole number of at most {most}, got {most + 1}")


if __name__ == "__main__":
    unittest.main()
