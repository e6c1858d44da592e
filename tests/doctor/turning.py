"""Rotates heads as some implementation might: rightly, or with any of its faults."""

from dataclasses import dataclass, field

import numpy as np

from rope import OTHER_LAYOUT, Rope
from rounding import round_to, rounding_variance


@dataclass(frozen=True, eq=False)
class Run:
    """What an implementation did with queries [rows, tokens, heads, head_dim]."""
    rope: Rope
    positions: np.ndarray         # [rows, tokens, axes], whole numbers
    arithmetic: str = "exact"     # "float32": frequencies, products and tables in float32. "tables": those rounded to the
    #                               dtype. "products": each product of cosine or sine with a channel too, as eager code does
    dtype: str = "f32"            # of what goes in and comes out
    head_count: int = 1
    still: bool = False           # copied
    sign: int = 1                 # -1: turned back
    times: int = 1                # how often
    factor_power: float = 1       # of the attention factor
    factor_times: float = 1
    rounded: dict = field(default_factory=dict)  # positions, frequencies, angles or tables -> format
    mismatched: bool = False      # the table has the width of a head in the order of the other layout
    permuted: bool = False        # channels come out in the order of the other layout
    heads: tuple = ()             # (head, Run): heads that another Run turned
    rows: tuple = ()              # (row, Run)
    spoil: object = None          # what else happened: a function of [rows, tokens, heads, head_dim]


def tables(run):
    """Cosines and sines [rows, tokens, 1, pairs], attention factor and all, and the angles."""
    frequency, factor = run.rope.frequency(), run.rope.spectrum()[1]
    factor = (factor**run.factor_power * run.factor_times) ** run.times
    stage = {"frequencies": frequency, "positions": run.positions.astype(float)}
    for name, value in stage.items():
        if run.arithmetic != "exact":
            value = round_to(value, "f32")
        stage[name] = round_to(value, run.rounded.get(name, "f64"))
    angles = np.zeros(run.positions.shape[:2] + (1, run.rope.pairs))
    for axis in range(frequency.shape[1]):  # only one axis of each pair is not zero
        angles += stage["positions"][:, :, None, axis, None] * stage["frequencies"][:, axis]
    if run.arithmetic != "exact":
        angles = round_to(angles, "f32")
    angles = run.sign * run.times * round_to(angles, run.rounded.get("angles", "f64"))
    form = run.rounded.get("tables") or {"exact": "f64", "float32": "f32"}.get(run.arithmetic, run.dtype)
    return round_to(factor * np.cos(angles), form), round_to(factor * np.sin(angles), form), angles


def both_members(run, table):
    """Of a table [.., pairs], the entries of the first and of the second channels of the pairs."""
    if not run.mismatched:
        return table, table
    i, pairs = np.arange(run.rope.pairs), run.rope.pairs
    if run.rope.layout == "half":  # each entry twice in a row: that of channel c is c // 2
        return table[..., i // 2], table[..., (i + pairs) // 2]
    return table[..., 2 * i % pairs], table[..., (2 * i + 1) % pairs]  # all entries, then all again


def turn(run, x):
    """What comes out, before it is rounded to the dtype, and the variance of what rounding and the usual shortcuts
    (frequencies, products and tables in float32, tables in the dtype) do to it."""
    if run.still:
        return x.copy(), rounding_variance(x, run.dtype)
    y, noise = x.copy(), np.zeros_like(x)
    cos, sin, angles = tables(run)
    first, second = run.rope.channels()
    u, v = x[..., first], x[..., second]
    (cos_u, cos_v), (sin_u, sin_v) = both_members(run, cos), both_members(run, sin)
    products = (u * cos_u, v * sin_u), (v * cos_v, u * sin_v)
    to = run.rope.channels(OTHER_LAYOUT[run.rope.layout] if run.permuted else run.rope.layout)
    unit = 2.0**-52 if run.dtype == "f64" else 2.0**-24
    usual = (unit * (1 + np.abs(angles))) ** 2 * (u * u + v * v) * max(1.0, np.max(cos * cos + sin * sin))
    if run.arithmetic in ("tables", "products"):
        usual = usual + (rounding_variance(cos, run.dtype) + rounding_variance(sin, run.dtype)) / 2 * (u * u + v * v)
    for channels, (kept, crossed), sign in zip(to, products, (-1, 1)):
        # Products may be rounded for all that anybody knows who sees what came out alone.
        noise[..., channels] = usual + rounding_variance(kept, run.dtype) + rounding_variance(crossed, run.dtype)
        if run.arithmetic == "products":
            kept, crossed = round_to(kept, run.dtype), round_to(crossed, run.dtype)
        y[..., channels] = kept + sign * crossed
    for row, other in run.rows:
        one = np.s_[row:row + 1]
        y[one], noise[one] = turn(other, x)[0][one], turn(other, x)[1][one]
    for head, other in run.heads:
        y[:, :, head], noise[:, :, head] = (part[:, :, head] for part in turn(other, x))
    if run.spoil:
        y = run.spoil(y)
    return y, noise + rounding_variance(y, run.dtype)
