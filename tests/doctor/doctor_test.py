"""`rotary doctor` on made cases, whose truth is known: every fault alone and in pairs, over layouts, rules, dtypes, shapes
and positions, and as many cases without a fault.

Usage: doctor_test.py PROGRAM [--cases N] [--seed N] [--only FAULT] [--keep FOLDER] [--jobs N] [--quick]

What can be known is settled before the program runs (decide.py). Passes where at least 99% of the decidable answers are
right, at least 70% of the cases are decidable, and no case without a fault is said to have one. Prints the table of
docs/doctor.md. --keep writes the cases whose answer was wrong. --only none: cases without a fault.
"""

import argparse
import collections
import concurrent.futures
import itertools
import json
import os
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import cases  # noqa: E402
from decide import indistinct  # noqa: E402
from faults import FAULTS, PAIRS  # noqa: E402
from judge import ask, facts_off, judge  # noqa: E402

MEMORY = "/dev/shm" if os.path.isdir("/dev/shm") else None
COLUMNS = ("cases", "decidable", "right", "cannot-tell", "wrong", "undecidable", "right there", "cannot-tell there",
           "wrong there")


def schedule(only):
    """The faults of one case after another, for ever: a quarter of the cases has none."""
    singles = [(name,) for name in FAULTS]
    wanted = singles + PAIRS
    if only == "none":
        wanted = [()]
    elif only:
        wanted = [names for names in wanted if only in names] or sys.exit(f"no fault {only}: {', '.join(FAULTS)}")
    while True:
        for i, names in enumerate(wanted):
            if i % 3 == 0 and not only:
                yield ()
            yield names


def keep(folder, number, case, said):
    place = Path(folder) / f"{number:05d}-{'+'.join(case.faults) or 'none'}"
    place.mkdir(parents=True, exist_ok=True)
    cases.write(case, place)
    (place / "truth.txt").write_text(f"{cases.describe(case)}\nsaid: {said}\nrotary doctor case.safetensors "
                                     f"{' '.join(cases.flags(case))}\n")


def examine(number, faults, arguments):
    """(faults, whether it can be decided, the verdict of the judge, what was said, numbers that are off)"""
    case = cases.draw(faults, np.random.default_rng([arguments.seed, number]))
    others = indistinct(case)
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        cases.write(case, Path(folder))
        run = ask(arguments.program, case, folder)
    verdict, said = judge(case, run, others)
    off = facts_off(case, json.loads(run.stdout)) if verdict == "right" and not others else []
    said += "" if case.known else " [positions not given]"
    if arguments.keep and (verdict == "wrong" or (verdict == "cannot-tell" and not others)):
        keep(arguments.keep, number, case, said)
    return faults, not others, verdict, said, off


class Table:
    def __init__(self):
        self.rows = collections.defaultdict(collections.Counter)
        self.confusions = collections.Counter()
        self.off = collections.Counter()
        self.false_alarms = 0

    def add(self, faults, decidable, verdict, said, off):
        name = " + ".join(faults) or "none"
        for row in (name, "all"):
            count = self.rows[row]
            count["cases"] += 1
            count["decidable" if decidable else "undecidable"] += 1
            count[verdict if decidable else f"{verdict} there"] += 1
        if verdict == "wrong" or (decidable and verdict != "right"):
            self.confusions[name, said] += 1
        for number in off:
            self.off[number, name] += 1
        self.false_alarms += not faults and verdict == "wrong"

    def print(self):
        print("| fault |" + "".join(f" {column} |" for column in COLUMNS))
        print("|---|" + "---|" * len(COLUMNS))
        order = ["none", *FAULTS, *map(" + ".join, PAIRS), "all"]
        for row in sorted(self.rows, key=order.index):
            print(f"| {row} |" + "".join(f" {self.rows[row][column]} |" for column in COLUMNS))
        for (truth, said), count in self.confusions.most_common():
            print(f"{count:5d}  {truth}: {said}")
        for (number, truth), count in self.off.most_common():
            print(f"{count:5d}  {truth}: right, but for {number}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program", type=os.path.abspath)
    parser.add_argument("--cases", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--keep")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true", help="a few hundred cases")
    arguments = parser.parse_args()
    count, table = 212 if arguments.quick else arguments.cases, Table()
    faults = itertools.islice(schedule(arguments.only), count)
    with concurrent.futures.ProcessPoolExecutor(arguments.jobs) as workers:
        for result in workers.map(examine, range(count), faults, itertools.repeat(arguments), chunksize=4):
            table.add(*result)
    table.print()
    every = table.rows["all"]
    right, decidable = every["right"], every["decidable"]
    print(f"right in {right} of {decidable} decidable cases of {count}; false alarms: {table.false_alarms} in "
          f"{table.rows['none']['cases']}")
    enough = arguments.only or decidable >= 0.7 * count
    sys.exit(0 if right >= 0.99 * decidable and enough and table.false_alarms == 0 else 1)


if __name__ == "__main__":
    main()
