"""Whether an answer is right."""

import json
import subprocess

import cases
from equivalents import accepted, companions, factor

NOTES = {"tables-rounded"}      # what many engines do on purpose
EITHER = {"channels-permuted"}  # keys and queries alike, scores are the same: a fault or a note
FOUND, FAULTY = 0, 4            # exit codes


def ask(program, case, folder):
    """What the program says of the case that was written to the folder."""
    return subprocess.run([program, "doctor", "case.safetensors", *cases.flags(case)], cwd=folder, capture_output=True,
                          text=True, timeout=120)


def judge(case, run, indistinct):
    """("right", "cannot-tell" or "wrong", what was said). `indistinct` are the codes that cannot be told from the truth."""
    if run.returncode not in (FOUND, FAULTY):
        return "wrong", f"exit code {run.returncode}: {run.stderr.strip()}"
    findings = {entry["code"]: entry["severity"] for entry in json.loads(run.stdout)["findings"]}
    findings.pop("none-found", None)
    faults = {code for code, severity in findings.items() if severity == "fault"}
    said = " ".join(f"{code}{'' if severity == 'fault' else ' (note)'}" for code, severity in sorted(findings.items()))
    said = said or "no fault"
    if (run.returncode == FAULTY) != bool(faults):
        return "wrong", f"exit code {run.returncode} for: {said}"
    cannot_tell = "cannot-tell" in findings
    if not case.faults:
        return "wrong" if faults - {"cannot-tell"} else "cannot-tell" if cannot_tell else "right", said
    allowed, missing = set(), []
    for code in case.faults:
        same = accepted(code, case.asked, case.truth)
        allowed |= same | companions(code, case.asked, case.truth)
        told = same & (set(findings) if code in NOTES | EITHER else faults)
        missing += [] if told else [code]
    if not missing and not faults - allowed - {"cannot-tell"}:
        return "right", said
    if cannot_tell:
        return "cannot-tell", said
    if indistinct and (faults <= allowed | indistinct) and (faults or indistinct & {"none"}):
        return "right", said
    return "wrong", said


def facts_off(case, answer):
    """Which numbers of the answer are not those of the truth, where one plain rotation is the truth."""
    run = case.truth
    if run.still or run.spoil or run.heads or run.rows or run.mismatched or run.permuted:
        return []
    rope, close = run.rope, 0.001 if case.dtype in ("f64", "f32") else 0.02
    wanted = {"layout": rope.layout, "rotary_dim": rope.rotary_dim, "offset": rope.offset,
              "direction": "inverse" if run.sign < 0 else "forward"}
    if rope.rule == "proportional":
        del wanted["rotary_dim"]  # of the channels that move, or of all pairs
    off = [key for key, value in wanted.items() if answer.get(key) != value]
    numbers = {"attention_factor": factor(run)}
    if not rope.denominator and run.times == 1:
        numbers["theta"] = rope.theta
    for key, value in numbers.items():
        if answer.get(key) is not None and not abs(answer[key] - value) <= close * value:
            off.append(key)
    return off
