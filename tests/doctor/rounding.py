"""Numbers as a format of fewer bits holds them, and what is lost by that. Everything is an array of doubles."""

import numpy as np

# Bits of the significand, exponent of the smallest normal number, largest number.
FORMATS = {"f64": (53, -1022, np.finfo(np.float64).max),
           "f32": (24, -126, float(np.finfo(np.float32).max)),
           "tf32": (11, -126, float(np.finfo(np.float32).max)),
           "f16": (11, -14, 65504.0),
           "bf16": (8, -126, float(np.float32(3.3895314e38)))}


def ulp(x, form):
    """The distance of neighbours in the format, where x lies."""
    bits, lowest, _ = FORMATS[form]
    _, exponent = np.frexp(x)  # x = m 2^exponent, 1/2 <= |m| < 1
    return np.ldexp(1.0, np.maximum(exponent - 1, lowest) - (bits - 1))


def round_to(x, form):
    """To nearest, ties to even; infinite beyond the largest number."""
    x = np.asarray(x, np.float64)
    if form == "f64":
        return x
    step = ulp(x, form)
    rounded = np.rint(x / step) * step
    return np.where(np.abs(rounded) > FORMATS[form][2], np.copysign(np.inf, x), rounded)


def rounding_variance(x, form):
    """Of an error that is even within half a unit in the last place."""
    return ulp(x, form) ** 2 / 12
