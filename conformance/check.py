#!/usr/bin/env python3
"""Scores outputs against the golden vectors, names the first rule broken (README.md). Usage: check.py OUTPUTS [CASES]"""
import contextlib, json, pathlib, sys
import numpy as np

TYPES = {"F64": ("<f8", 2**-53), "F32": ("<f4", 2**-24), "F16": ("<f2", 2**-11), "BF16": ("<u2", 2**-8), "I64": ("<i8", 0)}
def load(path):  # {name: (numbers, dtype)} of a safetensors file
    data, tensors = path.read_bytes(), {}
    begin = 8 + int.from_bytes(data[:8], "little")
    for name, entry in json.loads(data[8:begin]).items():
        if entry.get("dtype") in TYPES:
            a = np.frombuffer(data[slice(*(begin + at for at in entry["data_offsets"]))], TYPES[entry["dtype"]][0])
            a = (a.astype("<u4") << 16).view("<f4") if entry["dtype"] == "BF16" else a
            tensors[name] = a.astype(float).reshape(entry["shape"]), entry["dtype"]
    return tensors
def near(turn, angle, most): return np.all(np.abs(np.remainder(turn - angle + np.pi, 2 * np.pi) - np.pi) <= most)
def first_broken(case, positions, x, exact, y, dtype):  # the first rule that y breaks; None: it keeps all
    r, exactly, u = case["rotation"], case["tolerance"] == "exact", TYPES.get(dtype, ("none", 0))[1]
    if u == 0 or y.shape != x.shape or not np.all(np.isfinite(y)):
        return "output" if u == 0 or y.shape != x.shape else "finite"
    if np.any(np.delete(y - x, r["first"] + r["second"], axis=-1)) or not r["first"]:
        return None if np.array_equal(y, x) else "span"
    axes, pairs = r["axes"], len(r["first"])
    p = positions.reshape(*x.shape[:2], axes)
    w, w2 = (np.reshape(r.get(key, r["frequency"]), (-1, pairs, axes)) for key in ("frequency", "second_frequency"))
    total = lambda p, w: np.broadcast_to(np.einsum("btx,hjx->bthj", p, w), x.shape[:3] + (pairs,))
    angle, size = total(p, w), np.maximum(total(abs(p), abs(w)), total(abs(p), abs(w2)))
    g = np.array(r.get("log_decay", 0)) * (p[:, :, None, :1] - case.get("centre", 0))
    g = r["attention_factor"] * np.exp(g if case["side"] == "query" else -g)
    g, angle = (1 / g, -angle) if case["direction"] == "inverse" else (g, angle)
    (a, b), (c, d), (e, f) = ((v[..., r["first"]], v[..., r["second"]]) for v in (x, y, exact))
    length = g * np.hypot(a, b) * (2**0.5 if "second_frequency" in r else 1)
    error, turn = np.maximum(abs(c - e), abs(d - f)) / length, np.arctan2(a * d - b * c, a * c + b * d)
    allowed = max(2.0**-49, (dtype != "F64") * 2.0**-22) + u * (u > 2.0**-24) if exactly else max(4 * u, 2.0**-49)
    slack, ratio = 8 * allowed, np.hypot(c, d) / length
    whole = np.sqrt(((ratio * length) ** 2).sum(-1) / (length**2).sum(-1))  # over all channels that turn
    frequency = np.where(((w != 0).sum(-1) == 1) | (axes == 1), w.sum(-1), np.nan)  # of pairs on one axis
    units = np.where(np.isnan(frequency), np.nan, total(p, (w != 0) | (axes == 1)))
    turns, ones, units, angles, sizes = (v.reshape(-1, len(w), pairs) for v in (turn, units == 1, units, angle, size))
    rate = np.where(ones.any(0), np.take_along_axis(turns, ones.argmax(0)[None], 0)[0], np.nan)  # what 1 turns by
    known = ~np.isnan(rate) & (abs(units) <= 7.5)
    rules = [(None, np.all(error <= allowed + (2.0**-50 if exactly else 2.0**-21) * size)),
             ("angles", "second_frequency" in r),
             ("attention factor", "log_decay" not in r and np.any(abs(whole - 1) > slack)),
             ("decay" if "log_decay" in r else "pairing", np.any(abs(ratio - 1) > slack)),
             ("direction", near(turn, -angle, slack + 2.0**-20 * size)),
             ("rounding", near(turn, angle, slack + 2.0**-6 * size) and np.all(error <= slack)),
             ("precision", near(turn, angle, slack + 2.0**-6 * size)),
             ("axes" if axes > 1 else "positions", not near(turn[(size == 0) & (frequency != 0)], 0, slack)),
             ("positions", not near(turns[known], (rate * units)[known], 0.3) or
              (ones.any() and near(turns[ones], angles[ones], slack + 2.0**-6 * sizes[ones])))]
    return next((rule for rule, broken in rules if broken), "frequencies")

def score(cases, outputs):  # (name, level, "passed", "broken" or "not offered", rule) of every case
    for path in sorted(cases.glob("*.json")):
        case, t, out = json.loads(path.read_text()), load(path.with_suffix(".safetensors")), {}
        file = outputs / (path.stem + ".safetensors")
        with contextlib.suppress(Exception):  # a file that cannot be read has no y
            out = load(file)
        broken = lambda x, y, of: first_broken(case, t["positions"][0], t[x][0], t[y][0], *out.get(of, (0, "none")))
        rule = broken("x", "y_f64", "y") if file.exists() else None
        rule = "gradient" if not rule and "d_x" in out and broken("d_y", "d_x", "d_x") else rule
        passed = "d_x" in out or (file.exists() and case["level"] != "backward")
        yield case["name"], case["level"], "broken" if rule else "passed" if passed else "not offered", rule
def report(scores):  # prints it; whether anything is broken
    print("".join(f"{name}: broken, {rule}\n" for name, _, _, rule in scores if rule), end="")
    for level in dict.fromkeys(level for _, level, _, _ in scores):
        passed, broken, rest = ([score[1:3] for score in scores].count((level, verdict))
                                for verdict in ("passed", "broken", "not offered"))
        print(f"{level}: {passed} passed, {broken} broken, {rest} not offered{'' if broken + rest else ' (badge)'}")
    return any(rule for *_, rule in scores)

if __name__ == "__main__":
    outputs, cases = map(pathlib.Path, (sys.argv[1:2] or [""]) + (sys.argv[2:3] or [pathlib.Path(__file__).parent / "cases"]))
    names, files = {path.stem for path in cases.glob("*.json")}, {path.stem for path in outputs.glob("*.safetensors")}
    sys.exit("give a folder of outputs: check.py OUTPUTS [CASES]" if len(sys.argv) not in (2, 3) else
             f"cannot read {outputs}: it holds no outputs, NAME.safetensors" if not files else
             f"cannot read {outputs}: {cases} has no case {min(files - names)}" if files - names else
             report(list(score(cases, outputs))))
