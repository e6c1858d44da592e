"""What rounds of run.py say: ours against its limit and against the fastest peer.

    python3 bench/peers/report.py build/peers.json     prints the tables
"""

import json
import statistics
import sys

from peer import QUIET


def seconds_of_ours(measured):
    """(seconds of one call, seconds that the limit would take); a row made of several bench rows is their sum."""
    each = [row["work"] / (row["value"] * 1e9) for row in measured["ours"]]
    return sum(each), sum(seconds * row["share"] for seconds, row in zip(each, measured["ours"]))


def noise(measured):
    """Cores that other processes kept busy, in the noisiest sample of a round."""
    samples = measured["ours"] + list(measured["peers"].values())
    return max((sample["others"] for sample in samples), default=0)


def summarize_row(rounds):
    """`rounds` of one row and thread count. Only the quiet ones count, where there are any."""
    used = [each for each in rounds if noise(each) <= QUIET] or rounds
    names = set.intersection(*(set(each["peers"]) for each in used))
    peers = {name: statistics.median(each["peers"][name]["seconds"] for each in used) for name in names}
    best = min(peers, key=peers.get, default=None)
    summary = {"row": used[0]["row"], "threads": used[0]["threads"], "rounds": len(used),
               "others": max(map(noise, used)), "best_peer": best,
               "peers": {name: {"ms": 1e3 * peers[name]} for name in sorted(peers, key=peers.get)},
               "refused": {name: why for each in used for name, why in each["refused"].items()}}
    if not all(each["ours"] for each in used):
        return summary
    ours = [seconds_of_ours(each) for each in used]
    work = sum(row["work"] for row in used[0]["ours"]) * 1e-9
    summary |= {"unit": used[0]["ours"][0]["unit"],
                "ours": statistics.median(work / seconds for seconds, _ in ours),
                "ms": statistics.median(1e3 * seconds for seconds, _ in ours),
                "limit": statistics.median(work / limit for _, limit in ours),
                "share": statistics.median(limit / seconds for seconds, limit in ours),
                "spread": statistics.median(max(row["spread"] for row in each["ours"]) for each in used),
                "formula": used[0]["ours"][0]["formula"]}
    for name, entry in summary["peers"].items():
        # Within a round, because the machine's speed moves between rounds.
        ratios = [each["peers"][name]["seconds"] / seconds for each, (seconds, _) in zip(used, ours)]
        entry |= {"ratio": statistics.median(ratios), "lowest": min(ratios), "highest": max(ratios)}
    return summary


def summarize(rounds):
    groups = {}
    for each in rounds:
        groups.setdefault((each["row"], each["threads"]), []).append(each)
    return [summarize_row(group) for group in groups.values()]


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def number(x):
    return f"{x:.0f}" if x >= 100 else f"{x:.3g}"


def ratio_text(entry):
    return f"{entry['ratio']:.2f} ({entry['lowest']:.2f}-{entry['highest']:.2f})" if "ratio" in entry else "-"


def best_table(summary):
    rows = []
    for row in summary:
        ours = [f"{number(row['ours'])} {row['unit']}", number(row["limit"]), f"{row['share']:.2f}",
                f"{100 * row['spread']:.1f}%", number(row["ms"])] if "ours" in row else ["-"] * 5
        best = row["best_peer"]
        peer = [best, number(row["peers"][best]["ms"]), ratio_text(row["peers"][best])] if best else ["-"] * 3
        rows.append([row["row"], str(row["threads"]), *ours, *peer, str(row["rounds"]), f"{row['others']:.2f}"])
    return table(["row", "threads", "ours", "limit", "share", "spread", "ms", "fastest peer", "its ms",
                  "ours is faster by (range)", "rounds", "others' cores"], rows)


def peers_table(summary):
    rows = []
    for row in summary:
        rows += [[row["row"], str(row["threads"]), name, number(entry["ms"]), ratio_text(entry)]
                 for name, entry in row["peers"].items()]
        rows += [[row["row"], str(row["threads"]), name, "-", why] for name, why in row["refused"].items()]
    return table(["row", "threads", "peer", "ms", "ours is faster by (range)"], rows)


def text(store):
    versions = ", ".join(f"{name} {version}" for name, version in sorted(store["versions"].items()))
    machine = store["machine"]
    return "\n\n".join([f"{machine['cpu']}, {machine['cores']} cores, {machine['simd']}; {versions}",
                        best_table(store["summary"]), peers_table(store["summary"])])


if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file:
        print(text(json.load(file)))
