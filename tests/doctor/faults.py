"""What goes wrong in implementations, by the codes of the doctor (two names are ways to earn one: positions-ignored and
all-rounded).

A fault is a function that takes the Run of a right implementation and returns every Run that its finite list of parameters
makes of it; nothing where it does not apply.
"""

from dataclasses import replace

import numpy as np

from configs import THETAS
from rope import OTHER_LAYOUT


def with_rope(run, **changes):
    return replace(run, rope=replace(run.rope, **changes))


def identity(run):
    return [replace(run, still=True)]


def layout_differs(run):
    return [with_rope(run, layout=OTHER_LAYOUT[run.rope.layout])] if run.rope.rotary_dim > 2 else []


def direction_reversed(run):
    return [replace(run, sign=-run.sign)]


def theta_differs(run):
    return [with_rope(run, theta=theta) for theta in THETAS if theta != run.rope.theta]


def scaling_missing(run):
    if run.rope.rule == "default":
        return []
    return [with_rope(run, rule="default", scaling={})]


def scaling_differs(run):
    rope = run.rope
    if rope.denominator:
        return []
    if rope.rule == "default":
        return [with_rope(run, rule="linear", scaling={"factor": factor}) for factor in (2.0, 4.0, 8.0)]
    found = []
    if "factor" in rope.scaling and rope.rule != "longrope":
        factor = rope.scaling["factor"]
        found += [with_rope(run, scaling={**rope.scaling, "factor": factor * by}) for by in (0.5, 2.0) if factor * by > 1]
    if rope.rule in ("yarn", "llama3"):
        found.append(with_rope(run, rule="linear"))
        found.append(with_rope(run, scaling={**rope.scaling, "original": 4 * rope.scaling["original"]}))
    if rope.rule == "dynamic":
        found += [with_rope(run, length=2 * rope.length), with_rope(run, rule="linear")]
    if rope.rule == "ntk":
        found += [with_rope(run, scaling={"alpha": by * rope.scaling["alpha"]}) for by in (0.5, 2.0)]
    if rope.rule == "longrope":
        original = rope.scaling["original"]
        found.append(with_rope(run, length=1 if rope.length > original else original + 1))
    return found


def attention_factor_missing(run):
    return [replace(run, factor_power=0)] if abs(run.rope.spectrum()[1] - 1) > 1e-3 else []


def attention_factor_squared(run):
    return [replace(run, factor_power=2)] if abs(run.rope.spectrum()[1] - 1) > 1e-3 else []


def attention_factor_differs(run):
    return [replace(run, factor_times=factor) for factor in (0.7, 1.1, 1.31)]


def span_may_change(rope):
    return rope.rule in ("default", "linear", "dynamic", "yarn", "llama3") and not rope.sections


def rotary_dim_differs(run):
    rope = run.rope
    if not span_may_change(rope) or rope.offset:
        return []
    sizes = (rope.head_dim, rope.head_dim // 2, rope.head_dim // 4)
    return [with_rope(run, rotary_dim=size) for size in sizes if size != rope.rotary_dim and size % 2 == 0 and size > 2]


def offset_differs(run):
    rope = run.rope
    rest = rope.head_dim - rope.rotary_dim
    return [with_rope(run, offset=0 if rope.offset else rest)] if rest else []


def denominator_differs(run):
    rope = run.rope
    plain = rope.rule == "default" and not rope.sections and rope.rotary_dim < rope.head_dim
    return [with_rope(run, denominator=rope.head_dim)] if plain else []


def position_shifted(run):
    return [replace(run, positions=run.positions + by) for by in (1, -1, 2, 16, 1000)]


def positions_restart(run):
    """Counted from 0 again from some token on."""
    tokens, found = run.positions.shape[1], []
    for at in {tokens // 2, tokens // 3}:
        if at > 0:
            positions = run.positions.copy()
            positions[:, at:] -= positions[:, at:at + 1]
            found.append(replace(run, positions=positions))
    return found


def positions_ignored(run):
    """Counted on where the given positions begin anew."""
    first, tokens = run.positions[:, :1], run.positions.shape[1]
    steps = np.diff(run.positions, axis=1)
    if tokens < 4 or run.rope.sections or not np.any(steps < 0):
        return []
    return [replace(run, positions=first + np.arange(tokens)[None, :, None])]


def rounded(stage, forms, most):
    """Numbers that become infinite are another story."""
    def fault(run):
        size = np.max(np.abs(run.positions)) * (1 if stage == "positions" else np.max(run.rope.frequency()))
        return [replace(run, rounded={**run.rounded, stage: form}) for form in forms
                if form != "f16" or size < most]
    return fault


def all_rounded(run):
    """Both operands of the product, by TF32 hardware; or all from the frequencies to the tables, in the dtype of a model."""
    size = np.max(np.abs(run.positions))
    found = [replace(run, rounded={**run.rounded, **dict.fromkeys(("frequencies", "positions"), "tf32")})]
    every = ("frequencies", "positions", "angles", "tables")
    return found + [replace(run, rounded={**run.rounded, **dict.fromkeys(every, form)}) for form in ("bf16", "f16")
                    if run.dtype in (form, "f32", "f64") and (form != "f16" or size < 65504)]


def rotated_twice(run):
    return [replace(run, times=2 * run.times)]


def heads_differ(run):
    """Heads that are copied, paired otherwise, or at another position."""
    heads = run.head_count
    if heads < 2:
        return []
    others = [replace(run, still=True), replace(run, positions=run.positions + 1), *layout_differs(run)]
    return [replace(run, heads=((head, other),)) for head in {0, heads - 1} for other in others]


def rows_differ(run):
    """The last row is copied, or one further, or stands where the first one does."""
    rows = len(run.positions)
    if rows < 2:
        return []
    first = np.broadcast_to(run.positions[:1], run.positions.shape)
    others = [replace(run, still=True), replace(run, positions=run.positions + 1)]
    if np.any(first != run.positions):
        others.append(replace(run, positions=first))
    return [replace(run, rows=((rows - 1, other),)) for other in others]


def axis_order_differs(run):
    if not run.rope.sections:
        return []
    order = {"contiguous": "interleaved", "interleaved": "contiguous"}[run.rope.section_order]
    swapped = [replace(run, positions=run.positions[:, :, permutation]) for permutation in ((0, 2, 1), (2, 1, 0), (1, 2, 0))]
    return [*swapped, with_rope(run, section_order=order)]


def tables_mismatch(run):
    return [replace(run, mismatched=True)] if run.rope.rotary_dim > 2 else []


def channels_permuted(run):
    return [replace(run, permuted=True)] if run.rope.rotary_dim > 2 else []


def not_a_rotation(run):
    """Something added, lengths changed, noise, steps of quantisation."""
    def bias(y):
        return y + np.random.default_rng(1).normal(0, 0.3, y.shape[-2:])

    def normed(y):
        return y / np.sqrt(np.mean(y * y, axis=-1, keepdims=True) + 1e-6)

    def noise(y):
        return y + np.random.default_rng(2).normal(0, 0.05, y.shape) * np.sqrt(np.mean(y * y))

    def steps(y):
        step = np.max(np.abs(y)) / 127
        return np.rint(y / step) * step

    return [replace(run, spoil=spoil) for spoil in (bias, normed, noise, steps)]


FAULTS = {"identity": identity, "layout-differs": layout_differs, "direction-reversed": direction_reversed,
          "theta-differs": theta_differs, "scaling-missing": scaling_missing, "scaling-differs": scaling_differs,
          "attention-factor-missing": attention_factor_missing, "attention-factor-squared": attention_factor_squared,
          "attention-factor-differs": attention_factor_differs, "rotary-dim-differs": rotary_dim_differs,
          "offset-differs": offset_differs, "denominator-differs": denominator_differs,
          "position-shifted": position_shifted, "positions-restart": positions_restart,
          "positions-ignored": positions_ignored,
          "positions-rounded": rounded("positions", ("bf16", "f16", "tf32"), 65504),
          "frequencies-rounded": rounded("frequencies", ("bf16", "f16"), np.inf),
          "angles-rounded": rounded("angles", ("bf16", "f16"), 65504),
          "tables-rounded": rounded("tables", ("bf16", "f16"), np.inf),
          "all-rounded": all_rounded, "rotated-twice": rotated_twice, "heads-differ": heads_differ, "rows-differ": rows_differ,
          "axis-order-differs": axis_order_differs, "tables-mismatch": tables_mismatch,
          "channels-permuted": channels_permuted, "not-a-rotation": not_a_rotation}

# Two faults at once; the second is made of a Run that has the first.
PAIRS = [("theta-differs", "layout-differs"), ("theta-differs", "direction-reversed"), ("theta-differs", "position-shifted"),
         ("theta-differs", "positions-restart"), ("theta-differs", "positions-rounded"), ("theta-differs", "tables-rounded"),
         ("theta-differs", "attention-factor-missing"), ("theta-differs", "channels-permuted"),
         ("theta-differs", "heads-differ"), ("rotary-dim-differs", "theta-differs"), ("offset-differs", "theta-differs"),
         ("rotary-dim-differs", "layout-differs"), ("offset-differs", "layout-differs"),
         ("denominator-differs", "layout-differs"), ("scaling-missing", "layout-differs"),
         ("layout-differs", "position-shifted"), ("layout-differs", "direction-reversed"),
         ("layout-differs", "attention-factor-squared"), ("layout-differs", "attention-factor-differs"),
         ("layout-differs", "frequencies-rounded"), ("layout-differs", "rows-differ"), ("layout-differs", "tables-rounded"),
         ("direction-reversed", "position-shifted"), ("attention-factor-differs", "position-shifted"),
         ("axis-order-differs", "theta-differs"), ("axis-order-differs", "layout-differs")]
