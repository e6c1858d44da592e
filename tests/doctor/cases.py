"""One patient: a config, what went in, what came out, and the truth about it."""

import json
from dataclasses import dataclass, replace

import numpy as np

import configs
import rotation_oracle as files
from faults import FAULTS
from rounding import round_to
from turning import Run, turn

ARITHMETIC = {"f64": ("exact",), "f32": ("exact", "float32"), "bf16": ("exact", "float32", "tables", "products"),
              "f16": ("exact", "float32", "tables", "products")}
MOST = 60_000  # numbers in a tensor


@dataclass(eq=False)
class Case:
    faults: tuple       # names of FAULTS; none, one or two
    config: dict
    asked: Run          # what the config says
    truth: Run          # what was done
    alone: tuple        # (code, Run) of each of two faults without the other, where that can be
    x: np.ndarray       # [rows, tokens, heads, head_dim]
    exact: np.ndarray   # what came out, not yet rounded to the dtype
    noise: np.ndarray   # the variance of what rounding does to it
    known: bool         # whether the positions are given
    shape: str          # order of axes in the file

    @property
    def dtype(self):
        return self.asked.dtype


def inputs(rows, tokens, heads, head_dim, dtype, random):
    """As queries and keys of models are: channels of many sizes, a few far beyond all others, some with a mean."""
    size = np.exp(random.normal(0, 0.3, (heads, head_dim)))
    size *= np.where(random.random((heads, head_dim)) < 0.03, random.uniform(5, 30, (heads, head_dim)), 1)
    mean = size * np.where(random.random((heads, head_dim)) < 0.1, random.normal(0, 2, (heads, head_dim)), 0)
    if random.random() < 0.03:
        size[:, random.integers(head_dim)] = 0
    x = random.normal(0, 1, (rows, tokens, heads, head_dim)) * size + mean * (size > 0)
    return round_to(x, dtype)


def counted(rows, tokens, random):
    """[rows, tokens]: from anywhere on, one by one or with gaps, sometimes anew; rows begin at other places."""
    start = random.choice([0, 0, 0, 1, 37, 300, 2500, 5000, 40000, 131000])
    starts = start + random.choice([0, 1, 5, 700], rows).cumsum()
    steps = np.ones((rows, tokens), int)
    kind = random.choice(["each", "gaps", "packed"], p=[0.75, 0.15, 0.1])
    if kind == "gaps":
        steps = random.integers(1, 40, (rows, tokens))
    positions = starts[:, None] + np.cumsum(steps, axis=1) - steps[:, :1]
    if kind == "packed" and tokens > 3:
        at = int(random.integers(1, tokens - 1))
        positions[:, at:] -= positions[:, at:at + 1]
    return positions[:, :, None]


def of_pictures(rows, tokens, random):
    """[rows, tokens, 3]: some text, a picture higher than wide, or text alone."""
    positions = np.broadcast_to(counted(rows, tokens, random), (rows, tokens, 3)).copy()
    if random.random() < 0.85 and tokens > 4:
        text, width = tokens // 5, max(2, int(tokens**0.4))
        patch = np.arange(tokens - text)
        begin = positions[:, text:text + 1, 0]
        positions[:, text:] = np.stack([begin + 0 * patch, begin + patch // width, begin + patch % width], axis=-1)
    return positions


def draw_shape(random):
    tokens = int(random.choice([1, 2, 5, 17, 64, 300], p=[0.07, 0.08, 0.12, 0.28, 0.3, 0.15]))
    return int(random.choice([1, 1, 2, 3])), tokens, int(random.choice([1, 2, 3, 4, 8]))


def draw_asked(random):
    """A right run, its config, and the count of heads."""
    rows, tokens, heads = draw_shape(random)
    positions = counted(rows, tokens, random)
    rope, config = configs.draw(int(positions.max()) + 1, random)
    if rope.sections:
        positions = of_pictures(rows, tokens, random)
        rope = replace(rope, length=int(positions.max()) + 1)
    while heads > 1 and rows * tokens * heads * rope.head_dim > MOST:
        heads //= 2
    dtype = str(random.choice(["f64", "f32", "bf16", "f16"], p=[0.15, 0.35, 0.3, 0.2]))
    arithmetic = str(random.choice(ARITHMETIC[dtype]))
    return Run(rope, positions, arithmetic, dtype, heads), config


def with_faults(asked, faults, random):
    """The run with these faults, or nothing where one does not apply; and of two each alone."""
    truth, alone = asked, []
    for name in faults:
        options = FAULTS[name](truth)
        if not options:
            return None, ()
        choice = random.integers(len(options))
        truth, single = options[choice], FAULTS[name](asked)
        if len(single) == len(options):
            alone.append((name, single[choice]))
    return truth, tuple(alone) if len(faults) > 1 else ()


def draw(faults, random):
    """A case with these faults. Where they leave every number as it is another is drawn, but only once: what cannot be
    seen belongs to life too."""
    blind = 1
    for _ in range(10_000):
        asked, config = draw_asked(random)
        if "tables-rounded" in faults and asked.arithmetic not in ("exact", "float32"):
            continue
        truth, alone = with_faults(asked, faults, random)
        if truth is None:
            continue
        rows, tokens, _ = asked.positions.shape
        x = inputs(rows, tokens, asked.head_count, asked.rope.head_dim, asked.dtype, random)
        exact, noise = turn(truth, x)
        after = round_to(exact, asked.dtype)
        if not np.all(np.isfinite(after)):
            continue
        if faults and blind and np.array_equal(after, round_to(turn(asked, x)[0], asked.dtype)):
            blind -= 1
            continue
        known = tokens < 17 or bool(asked.rope.sections) or random.random() > 0.12
        shape = str(random.choice(["thd", "htd"] if rows == 1 and random.random() < 0.5 else ["bthd", "bthd", "bhtd"]))
        return Case(tuple(faults), config, asked, truth, alone, x, exact, noise, known, shape)
    raise AssertionError(f"no case shows {faults}")


def stored(x, dtype, shape):
    """An array of the dtype of a file, with its name, axes in the order of the shape."""
    if shape[0] != "b":
        x = x[0]
    if shape[-3:] == "htd":
        x = np.swapaxes(x, -3, -2)
    if dtype == "bf16":
        return "BF16", files.to_bf16(x)
    return dtype.upper(), x.astype({"f64": np.float64, "f32": np.float32, "f16": np.float16}[dtype])


def write(case, folder):
    """config.json and case.safetensors."""
    (folder / "config.json").write_text(json.dumps(case.config, indent=1))
    tensors = {"before": stored(case.x, case.dtype, case.shape), "after": stored(case.exact, case.dtype, case.shape)}
    if case.known:
        positions = case.asked.positions if case.shape[0] == "b" else case.asked.positions[0]
        # Axes stand first where there are several.
        tensors["positions"] = np.moveaxis(positions, -1, 0) if case.asked.rope.sections else positions[..., 0]
        tensors["positions"] = tensors["positions"].astype(np.int64)
    files.write(folder / "case.safetensors", tensors)


def flags(case):
    """What a command needs to know beside the two files."""
    positions = ["--positions", "positions"] if case.known else []
    return ["--config", "config.json", "--json", "--before", "before", "--after", "after", *positions, "--shape", case.shape,
            "--length", str(case.asked.rope.length)]


def tell(rope):
    return (f"{rope.layout}, channels {rope.offset} + {rope.rotary_dim} of {rope.head_dim}, theta {rope.theta:g}, {rope.rule} "
            f"{rope.scaling or ''}, length {rope.length}, denominator {rope.denominator or 'its own'}, "
            f"{'sections ' + str(rope.sections) if rope.sections else 'one axis'} {rope.section_order}")


def ends(positions):
    return f"{positions[0, 0].tolist()} .. {positions[-1, -1].tolist()}"


def describe(case):
    """The truth, for people."""
    run = case.truth
    return (f"faults: {' + '.join(case.faults) or 'none'}\n{case.dtype}, arithmetic {case.asked.arithmetic}, "
            f"{' x '.join(map(str, case.x.shape))}, positions {ends(case.asked.positions)}{'' if case.known else ', not given'}\n"
            f"asked: {tell(case.asked.rope)}\ndone: {tell(run.rope)}\n"
            f"sign {run.sign}, times {run.times}, factor^{run.factor_power} times {run.factor_times}, rounded {run.rounded}, "
            f"positions {ends(run.positions)}, heads {[head for head, _ in run.heads]}, rows {[row for row, _ in run.rows]}, "
            f"{'copied' if run.still else run.spoil.__name__ if run.spoil else 'a rotation'}")
