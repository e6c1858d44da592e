"""Kills training runs at random moments and lets them go on: the result must equal, byte for byte, a run that never stopped.

Runs with dropout, accumulation and clipping, causal and masked, are killed with SIGKILL at least KILLS times, each time after
a random part of the time that a whole run takes, and go on with --resume on one or two threads, whichever comes. Then
once more with SIGINT, which saves and stops. Prints the seed of the moments; RESUME_TEST_SEED sets it.

Usage: resume_test.py PROGRAM
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

KILLS = 20
STEPS = 60
OPTIONS = ["--layers", "2", "--model-dim", "32", "--heads", "2", "--context", "32", "--batch", "4", "--accumulation", "2",
           "--dropout", "0.1", "--clip", "0.5", "--steps", str(STEPS), "--evaluate-every", "20",
           "--evaluation-windows", "8", "--checkpoint-every", "3"]
OBJECTIVES = ["causal", "mlm"]


def command(program, text, out, objective, threads, resume=False):
    options = ["--resume"] if resume else OPTIONS + ["--objective", objective]
    return [program, "train", text, "--out", out, "--threads", str(threads), *options]


def weights(out):
    latest = (out / "latest").read_text().strip()
    assert latest == f"step-{STEPS:06}", latest
    return (out / latest / "model.safetensors").read_bytes()


class Whole:
    """A run that never stopped."""

    def __init__(self, program, text, out, objective):
        started = time.monotonic()
        subprocess.run(command(program, text, out, objective, threads=1), check=True, stdout=subprocess.DEVNULL)
        self.seconds = time.monotonic() - started
        self.weights = weights(out)


def check_finished(out, whole):
    assert weights(out) == whole.weights, f"{out}: the weights differ from those of a run that never stopped"
    left = sorted(path.name for path in out.iterdir())
    assert left == ["latest", f"step-{STEPS - 3:06}", f"step-{STEPS:06}"], left


def killed_runs(program, text, folder, wholes, moments):
    """Kills until KILLS processes died before their end; every run goes on until it is done."""
    kills, runs = 0, 0
    while kills < KILLS:
        objective = OBJECTIVES[runs % len(OBJECTIVES)]
        whole = wholes[objective]
        out = folder / f"killed-{runs}"
        runs += 1
        lives = 0
        while True:
            resume = (out / "latest").exists()
            process = subprocess.Popen(command(program, text, out, objective, moments.choice([1, 2]), resume),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            try:
                # From a few lives on, a run may come to its end, so that many short ones cannot keep it from there.
                limit = None if lives > 12 else moments.uniform(0, 0.5 * whole.seconds)
                _, errors = process.communicate(timeout=limit)
                assert process.returncode == 0, errors
                break
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += process.returncode == -signal.SIGKILL
                lives += 1
        check_finished(out, whole)
        print(f"{out.name}: {objective}, killed {lives} times, equal to the byte")
    return kills, runs


def stopped_run(program, text, out, whole):
    """Ctrl-C: saves, stops, says how to go on."""
    process = subprocess.Popen(command(program, text, out, "causal", threads=1), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
    while not (out / "latest").exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    printed, errors = process.communicate()
    assert process.returncode == 1, (process.returncode, errors)
    assert printed == "", printed
    assert f" of {STEPS}, saved in {out}" in errors and "--resume goes on" in errors, errors
    subprocess.run(command(program, text, out, "causal", threads=2, resume=True), check=True, stdout=subprocess.DEVNULL)
    check_finished(out, whole)
    print("stopped: saved, said how to go on, equal to the byte")


def main():
    program = os.path.abspath(sys.argv[1])
    seed = int(os.environ.get("RESUME_TEST_SEED", random.SystemRandom().randrange(10**6)))
    print(f"RESUME_TEST_SEED={seed}")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        text = folder / "text.txt"
        text.write_text("".join(f"At step {i} the wheel stands at {30 * i % 360} degrees.\n" for i in range(300)))
        wholes = {objective: Whole(program, text, folder / objective, objective) for objective in OBJECTIVES}
        kills, runs = killed_runs(program, text, folder, wholes, random.Random(seed))
        stopped_run(program, text, folder / "stopped", wholes["causal"])
    print(f"{kills} kills, {runs} runs")


if __name__ == "__main__":
    main()
