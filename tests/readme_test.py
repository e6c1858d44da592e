"""Runs every example of README.md as a reader would.

An example is a block fenced with ```console: lines that start with "$ " are commands (a trailing backslash continues one),
the lines after a command are what it prints. A line "..." stands for any lines. All commands run in one new folder, in the
order of the page, with the program on the PATH.

Usage: readme_test.py README.md PROGRAM
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile


def examples(page):
    """Yields (command, expected output lines)."""
    for block in re.findall(r"^```console\n(.*?)^```", page, re.M | re.S):
        command, expected = None, []
        lines = iter(block.splitlines())
        for line in lines:
            if line.startswith("$ "):
                if command is not None:
                    yield command, expected
                command, expected = line[2:], []
                while command.endswith("\\"):
                    command = command[:-1] + next(lines).strip()
            else:
                expected.append(line)
        if command is not None:
            yield command, expected


def matches(expected, printed):
    """Whether the printed lines are the expected ones, blanks folded, "..." standing for any lines."""
    pattern = ""
    for line in expected:
        if line.strip() == "...":
            pattern += r"(?:[^\n]*\n)*?"
        else:
            pattern += r"\s+".join(re.escape(word) for word in line.split()) + r"[ \t]*\n"
    text = "".join(" ".join(line.split()) + "\n" for line in printed)
    return re.fullmatch(pattern, text) is not None


def main():
    readme, program = map(os.path.abspath, sys.argv[1:3])
    page = open(readme, encoding="utf-8").read()
    passed, failed = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(readme, os.path.join(folder, "README.md"))
        path = os.path.dirname(program) + os.pathsep + os.environ["PATH"]
        for command, expected in examples(page):
            run = subprocess.run(["bash", "-c", command], cwd=folder, env={**os.environ, "PATH": path},
                                 capture_output=True, text=True, stdin=subprocess.DEVNULL)
            good = run.returncode == 0 and (not expected or matches(expected, run.stdout.splitlines()))
            print("ok    " if good else "FAILED", command)
            if good:
                passed += 1
            else:
                failed += 1
                print(f"exit code {run.returncode}; printed:\n{run.stdout}{run.stderr}expected:\n" + "\n".join(expected))
    if passed == 0:
        print("README.md has no examples")
        failed += 1
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
