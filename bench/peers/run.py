"""Times PyTorch and ONNX Runtime beside `rotary bench`, row by row, and prints who is faster by how much.

    ./run build && python3 bench/peers/run.py --environment ~/peers

Of each row, ours and the peers are measured in turn, several times, so that both see the same state of the machine.
Every round is added to the file named by --out: a long measurement can be made in pieces. README.md says more.
"""

import argparse
import json
import os
import subprocess
import sys
import time

import environment
import peer
import report

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))


def all_rows():
    """{row: (rows of `rotary bench` that do the same work, scripts of peers)}."""
    rows = {}
    for tokens in (4096, 128):
        for dtype in ("f32", "bf16", "f16"):
            row = f"rotate/{dtype}/{tokens}"
            rows[row] = [row], ["torch_rotate.py", "onnxruntime_peer.py"]
            rows[row + "+gradient"] = [row, row + "/gradient"], ["torch_rotate.py"]
    for row in ("attention/prefill/f32/2048", "attention/decode/f32/16384"):
        rows[row] = [row], ["torch_attention.py", "onnxruntime_peer.py"]
    row = "attention/prefill-backward/f32/2048"
    rows[row] = [row], ["torch_attention.py"]
    for row in ("train/roformer-23m/f32", "train/demo/f32"):
        rows[row] = [row], ["torch_train.py"]
    return rows


class Worker:
    """A peer's process, which waits to be asked for a round."""

    def __init__(self, python, script, row, threads):
        self.process = subprocess.Popen(
            [python, os.path.join(HERE, script), row, str(threads)], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env={**os.environ, **peer.environment(threads)})
        self.ready = self._read()

    def _read(self):
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"peers: {' '.join(self.process.args)} ended with {self.process.wait()}")
        return json.loads(line)

    def round(self):
        self.process.stdin.write("round\n")
        self.process.stdin.flush()
        return self._read()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure_ours(program, row, threads, seconds, machine):
    """One row of `rotary bench` with the noise beside it; [] where the program has no such row."""
    def sample():
        load = peer.Load()
        bench = subprocess.run(
            [program, "bench", row.split("/")[0], "--filter", row + "$", "--threads", str(threads), "--seconds",
             str(seconds), "--json"], text=True, stdout=subprocess.PIPE)
        if bench.returncode != 0:
            raise SystemExit(f"peers: rotary bench ended with {bench.returncode} on {row}")
        result = json.loads(bench.stdout)
        machine.update({name: result["machine"][name] for name in ("cpu", "cores", "simd")})
        return {"results": result["results"], "others": load.others()}

    best = peer.quietest(sample)
    return [{**result, "others": best["others"]} for result in best["results"]]


def measure_row(args, python, row, threads, store):
    bench_rows, scripts = all_rows()[row]
    workers = [Worker(python, script, row, threads) for script in scripts]
    try:
        for number in range(args.rounds):
            measured = {"row": row, "threads": threads, "time": int(time.time()), "ours": [], "peers": {},
                        "refused": {}}

            def ours():
                measured["ours"] = [result for name in bench_rows for result in
                                    measure_ours(args.rotary, name, threads, args.seconds, store["machine"])]
                if len(measured["ours"]) != len(bench_rows):
                    measured["ours"] = []

            def peers():
                for worker in workers:
                    measured["peers"] |= worker.round()
                    measured["refused"] |= worker.ready["refused"]
                    store["versions"] |= worker.ready["versions"]

            for turn in (ours, peers) if number % 2 == 0 else (peers, ours):
                turn()
            store["rounds"].append(measured)
            save(args.out, store)
    finally:
        for worker in workers:
            worker.close()


def load(path):
    if not os.path.exists(path):
        return {"machine": {}, "versions": {}, "rounds": []}
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def save(path, store):
    store["summary"] = report.summarize(store["rounds"])
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(store, file, indent=1)
    os.replace(path + ".new", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", metavar="FOLDER", help="virtual environment of the peers; made where missing")
    parser.add_argument("--python", help="instead: an interpreter that has the packages of requirements.txt")
    parser.add_argument("--rows", default="", metavar="TEXT", help="only rows whose name begins with this")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2, help="time for one row of ours in a round")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--out", default=os.path.join(ROOT, "build", "peers.json"), metavar="FILE")
    parser.add_argument("--rotary", default=os.path.join(ROOT, "build", "release", "rotary"), metavar="PROGRAM")
    args = parser.parse_args()
    if not args.environment and not args.python:
        parser.error("name a folder for the peers' virtual environment: --environment FOLDER")
    rows = [row for row in all_rows() if row.startswith(args.rows)]
    if not rows:
        parser.error(f"no row begins with {args.rows}; there are {', '.join(all_rows())}")
    if not os.path.exists(args.rotary):
        parser.error(f"{args.rotary} is missing: ./run build")
    if args.quick:
        args.rounds, args.seconds = 1, 0.5

    python = args.python or environment.ensure(args.environment)
    store = load(args.out)
    for threads in args.threads:
        for row in rows:
            print(f"{row}, {threads} threads", file=sys.stderr)
            measure_row(args, python, row, threads, store)
    print(report.text(store))


if __name__ == "__main__":
    main()
