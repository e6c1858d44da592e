"""Codes that tell the same story as those of the truth, in other words, and codes that come along with it."""

import numpy as np


def near(a, b):
    return abs(a - b) < 1e-9 * abs(b)


def another_theta(rope):
    """Whether the frequencies are powers of some theta, and so no other rule than a theta can be told from them."""
    return rope.rule in ("default", "ntk", "dynamic")


def accepted(code, asked, truth):
    """What may be said instead of `code`, where `truth` is the Run with that fault, `asked` the one without."""
    rope, true = asked.rope, truth.rope
    codes = {code}
    if code == "positions-ignored":
        codes = {"positions-restart", "position-shifted"}
    if code == "all-rounded":
        codes = {"positions-rounded", "frequencies-rounded", "angles-rounded"}
    # A stretch of theta by NTK is another theta; so is head_dim in the place of rotary_dim.
    if code in ("theta-differs", "denominator-differs"):
        if another_theta(rope):
            codes |= {"scaling-differs", "theta-differs"}
        if near(np.log(true.theta) * rope.head_dim, np.log(rope.theta) * rope.rotary_dim):
            codes.add("denominator-differs")
    if code in ("scaling-missing", "scaling-differs") and another_theta(rope) and another_theta(true):
        codes.add("theta-differs")
    # Twice is every frequency doubled; so is half a linear factor.
    if code == "rotated-twice":
        codes.add("scaling-differs")
        if rope.rule == "linear" and rope.scaling["factor"] == 2:
            codes.add("scaling-missing")
    if code in ("scaling-missing", "scaling-differs") and rope.rule == "linear":
        ratio = true.spectrum()[0][0] / rope.spectrum()[0][0]
        if near(ratio, 2):
            codes.add("rotated-twice")
    # Of a head whose first pairs move, all move: the span is another one.
    if code == "scaling-missing" and rope.rule == "proportional":
        codes.add("rotary-dim-differs")
    return codes


def factor(run):
    return 1 if run.still else (run.rope.spectrum()[1]**run.factor_power * run.factor_times) ** run.times


def companions(code, asked, truth):
    """What may be said beside it."""
    codes = {"tables-rounded"}
    if code == "all-rounded":
        codes |= {"positions-rounded", "frequencies-rounded", "angles-rounded"}
    if not near(factor(asked), factor(truth)) and not code.startswith("attention"):
        codes |= {"attention-factor-missing", "attention-factor-squared", "attention-factor-differs"}
    if code == "heads-differ":
        codes |= {"identity", "layout-differs", "position-shifted"}
    if code == "rows-differ":
        codes |= {"identity", "position-shifted", "positions-restart"}
    return codes
