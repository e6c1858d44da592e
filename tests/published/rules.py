"""The rules by which published models choose their frequencies, each as its source states it.

Every function returns Decimal numbers; the caller sets the precision. A spectrum is a list of d/2 frequencies, radians
per position, for d rotated channels. `rope` is the rope dictionary of a config.json.

  unscaled            w_i = theta^(-2i/d)                                        Su et al. 2021, arXiv:2104.09864
  dynamic_ntk         a base that grows with the text                            transformers, modeling_rope_utils
  qwen_ntk            a base that grows in steps                                 Qwen's own modeling_qwen
  yarn                blend of w_i and w_i/factor, magnitude 0.1 ln(factor) + 1  Peng et al. 2023, arXiv:2309.00071
  deepseek_softmax    the squared magnitude in the softmax                       DeepSeek-V2 and V3, inference code
  longrope            one divisor per pair                                       Ding et al. 2024, arXiv:2402.13753
  llama3              wavelengths against the original length                    Llama 3.1, as released
  proportional        only the first pairs of a whole head move                  Gemma 4, as in transformers
  interleaved_axes    which pair turns with which axis                           Qwen3-VL, as in transformers
"""
import math
from decimal import Decimal

PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


def power(base, exponent):
    return (Decimal(exponent) * Decimal(base).ln()).exp()


def unscaled(theta, d):
    return [power(theta, Decimal(-2 * i) / d) for i in range(d // 2)]


def dynamic_ntk(theta, d, factor, trained, length):
    """theta' = theta * (factor * S/trained - (factor - 1))^(d/(d-2)), S = max(length, trained)."""
    stretch = Decimal(factor) * max(length, trained) / trained - (Decimal(factor) - 1)
    return unscaled(theta * power(stretch, Decimal(d) / (d - 2)), d)


def qwen_ntk(theta, d, trained, length):
    """theta' = theta * alpha^(d/(d-2)), alpha = max(1, 2^ceil(log2(length/trained) + 1) - 1)."""
    doublings = 0
    while trained * 2**doublings < length:
        doublings += 1
    alpha = 2 ** (doublings + 1) - 1 if length > trained else 1
    return unscaled(theta * power(alpha, Decimal(d) / (d - 2)), d)


def magnitude(factor, weight=1):
    """YaRN's g: 1 up to factor 1, then 0.1 * weight * ln(factor) + 1."""
    return Decimal(1) if factor <= 1 else Decimal("0.1") * weight * Decimal(factor).ln() + 1


def yarn(theta, d, rope):
    """Frequencies and attention factor."""
    factor, trained = rope["factor"], rope["original_max_position_embeddings"]

    def pair_that_turns(times):
        return d * (trained / (2 * PI * times)).ln() / (2 * Decimal(theta).ln())

    low = pair_that_turns(rope.get("beta_fast") or 32)
    high = pair_that_turns(rope.get("beta_slow") or 1)
    if rope.get("truncate", True):
        low, high = math.floor(low), math.ceil(high)
    low, high = max(Decimal(low), Decimal(0)), min(Decimal(high), Decimal(d - 1))
    if low == high:
        high += Decimal("0.001")

    def blend(i, w):
        ramp = min(max((i - low) / (high - low), Decimal(0)), Decimal(1))
        return w / factor * ramp + w * (1 - ramp)

    if rope.get("attention_factor") is not None:
        attention_factor = Decimal(rope["attention_factor"])
    elif rope.get("mscale") and rope.get("mscale_all_dim"):
        attention_factor = magnitude(factor, rope["mscale"]) / magnitude(factor, rope["mscale_all_dim"])
    else:
        attention_factor = magnitude(factor)
    return [blend(i, w) for i, w in enumerate(unscaled(theta, d))], attention_factor


def deepseek_softmax(kind, rope):
    """g(factor, mscale_all_dim)^2 where the rope is scaled and mscale_all_dim is not 0."""
    if kind == "default" or not rope.get("mscale_all_dim"):
        return Decimal(1)
    return magnitude(rope["factor"], rope["mscale_all_dim"]) ** 2


def longrope(theta, d, rope, trained, longest, length):
    """Frequencies and attention factor; the factor holds for short texts too."""
    divisors = rope["long_factor"] if length > trained else rope["short_factor"]
    assert len(divisors) == d // 2, "one divisor per pair"
    factor = Decimal(rope["factor"] if "factor" in rope else Decimal(longest) / trained)
    attention_factor = Decimal(1)
    if rope.get("attention_factor") is not None:
        attention_factor = Decimal(rope["attention_factor"])
    elif factor > 1:
        attention_factor = (1 + factor.ln() / Decimal(trained).ln()).sqrt()
    return [w / Decimal(x) for w, x in zip(unscaled(theta, d), divisors)], attention_factor


def llama3(theta, d, rope):
    """Long waves are divided by the factor, short ones kept, those between blended by wavelength."""
    factor, trained = rope["factor"], rope["original_max_position_embeddings"]
    low, high = rope["low_freq_factor"], rope["high_freq_factor"]

    def scaled(w):
        wavelength = 2 * PI / w
        if wavelength > Decimal(trained) / low:
            return w / factor
        if wavelength < Decimal(trained) / high:
            return w
        smooth = (trained / wavelength - low) / (high - low)
        return (1 - smooth) * w / factor + smooth * w

    return [scaled(w) for w in unscaled(theta, d)]


def proportional(theta, head_dim, fraction):
    """Of the whole head's pairs, exponents over head_dim, the first floor(fraction * head_dim / 2) move."""
    moving = math.floor(Decimal(fraction) * head_dim / 2)
    return [w if i < moving else Decimal(0) for i, w in enumerate(unscaled(theta, head_dim))]


def contiguous_axes(sections):
    """[2, 3, 1] gives 0 0 1 1 1 2."""
    return [axis for axis, pairs in enumerate(sections) for _ in range(pairs)]


def interleaved_axes(sections, pairs):
    """All time, but pairs 1, 4, 7, ... below 3 * height are height and pairs 2, 5, 8, ... below 3 * width are width."""
    return [i % 3 if i % 3 and i < 3 * sections[i % 3] else 0 for i in range(pairs)]


# ---- Checks ----

def check_value(name, found, wanted):
    """Equal in every digit of `wanted`, a string, but for a rounding of the last."""
    last_digit = Decimal(1).scaleb(Decimal(wanted).as_tuple().exponent)
    close = abs(found - Decimal(wanted)) <= Decimal("0.51") * last_digit
    assert close, f"{name}: found {float(found)!r}, want {wanted}"


def check_rules():
    """Values worked out by another program from the same formulas."""
    def pairs(name, frequency, wanted):
        for i, value in wanted.items():
            check_value(f"{name}, pair {i}", frequency[i], value)

    pairs("unscaled", unscaled(10000, 128), {1: "8.659643234e-1", 31: "1.154781985e-2", 63: "1.154781985e-4"})
    # Qwen2.5 as its authors say to stretch it.
    frequency, attention_factor = yarn(1000000, 128, {"factor": 4, "original_max_position_embeddings": 32768})
    pairs("Qwen2.5 yarn", frequency, {23: "6.978305849e-3", 24: "5.375321491e-3", 31: "8.029597275e-4",
                                      39: "6.490394321e-5", 40: "4.445698525e-5", 63: "3.102344402e-7"})
    check_value("Qwen2.5 yarn", attention_factor, "1.138629436")
    # gpt-oss, had its range been rounded.
    frequency, _ = yarn(150000, 64, {"factor": 32, "original_max_position_embeddings": 4096})
    pairs("gpt-oss, rounded", frequency, {9: "3.162075228e-2", 12: "7.015713911e-3", 17: "2.279477958e-4"})
    pairs("dynamic, 8192", dynamic_ntk(10000, 128, 2, 4096, 8192), {63: "3.849273282e-5"})
    pairs("dynamic, 16384", dynamic_ntk(10000, 128, 2, 4096, 16384), {63: "1.649688550e-5"})
    assert dynamic_ntk(10000, 128, 2, 4096, 100) == unscaled(10000, 128)
    _, attention_factor = longrope(10000, 4, {"short_factor": [1, 1], "long_factor": [1, 1], "factor": 16}, 8192, 0, 1)
    check_value("longrope", attention_factor, "1.143543750")
    frequency = proportional(1000000, 512, "0.25")
    pairs("proportional", frequency, {1: "9.474635257e-1", 63: "3.337624694e-2"})
    assert frequency[64:] == [0] * 192
    axes = interleaved_axes([24, 20, 20], 64)
    assert axes == [0, 1, 2] * 20 + [0] * 4 and [axes.count(axis) for axis in range(3)] == [24, 20, 20]
    assert interleaved_axes([11, 11, 10], 32) == [0, 1, 2] * 10 + [0, 1]
