"""The side of a peer: a process that prepares one row, then times it whenever it is asked to.

run.py starts it as `SCRIPT ROW THREADS`. It prints one JSON line when every case is prepared and its answer checked,
    {"cases": [...], "refused": {case: reason}, "versions": {...}}
and then one for every line that comes on stdin: a round, {case: {"seconds": s, "others": cores}}.
"""

import json
import os
import sys
import time

QUIET = 0.2  # cores that other processes may keep busy during a sample
TRIES = 3  # samples until one is quiet; without any, the quietest counts


class Load:
    """The cores that other processes, and the host, kept busy since it was made."""

    def __init__(self):
        self.start = self._now()

    @staticmethod
    def _now():
        """(seconds, busy core seconds of the machine, of this process and the children it waited for)."""
        with open("/proc/stat", encoding="ascii") as file:
            ticks = [int(word) for word in file.readline().split()[1:9]]
        user, nice, system, _idle, _wait, interrupt, soft, steal = ticks
        busy = (user + nice + system + interrupt + soft + steal) / os.sysconf("SC_CLK_TCK")
        return time.perf_counter(), busy, sum(os.times()[:4])

    def others(self):
        wall, busy, own = (now - then for now, then in zip(self._now(), self.start))
        return max(0.0, busy - own) / max(wall, 1e-9)


def quietest(sample):
    """Takes samples, dicts with "others", until one is quiet; returns the quietest."""
    samples = []
    while len(samples) < TRIES:
        samples.append(sample())
        if samples[-1]["others"] <= QUIET:
            break
    return min(samples, key=lambda each: each["others"])


def time_calls(call, min_seconds):
    """The mean time of calls that take at least `min_seconds` together."""
    load, calls, start = Load(), 0, time.perf_counter()
    while True:
        call()
        calls += 1
        seconds = time.perf_counter() - start
        if seconds >= min_seconds:
            return {"seconds": seconds / calls, "others": load.others()}


class Cases:
    """The ways in which a peer can do the row."""

    def __init__(self):
        self.calls, self.seconds, self.refused = {}, {}, {}

    def add(self, name, call, check):
        """`check` gets what the first call returned and raises where that is wrong; then the case is not timed."""
        try:
            check(call())
            start = time.perf_counter()
            call()
            self.seconds[name] = time.perf_counter() - start
            self.calls[name] = call
        except Exception as error:  # a peer that lacks a kernel says so in many ways
            self.refused[name] = f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:200]}"

    def round(self, min_seconds=0.1):
        result = {}
        for name, call in self.calls.items():
            time.sleep(0.02)  # threads of the case before stop spinning
            if self.seconds[name] < min_seconds:
                call()  # caches
            result[name] = quietest(lambda: time_calls(call, min_seconds))
        return result


def serve(prepare, versions):
    """Runs the protocol above; prepare(row, threads) returns Cases."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries that print must not disturb the protocol
    cases = prepare(sys.argv[1], int(sys.argv[2]))

    def answer(value):
        print(json.dumps(value), file=answers, flush=True)

    answer({"cases": list(cases.calls), "refused": cases.refused, "versions": versions})
    for _ in sys.stdin:
        answer(cases.round())


def environment(threads):
    """What a peer's process should find in its environment.

    The heap keeps what is freed, so that no loop measures page faults: a peer that allocates its outputs at every call
    would otherwise spend most of its time on them. It asks for huge pages, as we do; torch has a switch of its own.
    """
    return {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "CUDA_VISIBLE_DEVICES": "",
        "THP_MEM_ALLOC_ENABLE": "1",
        "GLIBC_TUNABLES": "glibc.malloc.mmap_max=0:glibc.malloc.trim_threshold=17179869184:"
                          "glibc.malloc.top_pad=67108864:glibc.malloc.arena_max=1:glibc.malloc.hugetlb=1",
    }
