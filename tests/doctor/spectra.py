"""The rules by which configs choose frequencies, in double: [d / 2] radians per position and the attention factor.

Sources: Su et al. 2021 (arXiv:2104.09864), Peng et al. 2023 (YaRN, arXiv:2309.00071), Ding et al. 2024 (LongRoPE,
arXiv:2402.13753), Llama 3.1 as released, transformers' modeling_rope_utils for dynamic NTK, linear and proportional.
tests/published/rules.py states the same with 60 digits; generator_test.py compares.
"""

import numpy as np


def powers(theta, d, denominator=None):
    return theta ** (-np.arange(0, d, 2) / (denominator or d))


def default(theta, d, **_):
    return powers(theta, d), 1.0


def linear(theta, d, factor, **_):
    return powers(theta, d) / factor, 1.0


def ntk(theta, d, alpha, **_):
    return powers(theta * alpha ** (d / (d - 2)), d), 1.0


def dynamic(theta, d, factor, trained, length, **_):
    return ntk(theta, d, factor * max(length, trained) / trained - (factor - 1))


def magnitude(factor, weight=1.0):
    return 1.0 if factor <= 1 else 0.1 * weight * np.log(factor) + 1


def yarn(theta, d, factor, original, beta_fast=32, beta_slow=1, truncate=True, attention_factor=None, mscale=0,
         mscale_all_dim=0, **_):
    def pair_that_turns(times):
        return d * np.log(original / (2 * np.pi * times)) / (2 * np.log(theta))

    low, high = pair_that_turns(beta_fast), pair_that_turns(beta_slow)
    if truncate:
        low, high = np.floor(low), np.ceil(high)
    low, high = max(low, 0.0), min(high, d - 1.0)
    ramp = np.clip((np.arange(d // 2) - low) / (high - low if high != low else 0.001), 0, 1)
    if attention_factor is None:
        attention_factor = (magnitude(factor, mscale) / magnitude(factor, mscale_all_dim)
                            if mscale and mscale_all_dim else magnitude(factor))
    w = powers(theta, d)
    return w / factor * ramp + w * (1 - ramp), attention_factor


def llama3(theta, d, factor, original, low_freq_factor=1.0, high_freq_factor=4.0, **_):
    w = powers(theta, d)
    smooth = np.clip((original * w / (2 * np.pi) - low_freq_factor) / (high_freq_factor - low_freq_factor), 0, 1)
    return (1 - smooth) * w / factor + smooth * w, 1.0


def longrope(theta, d, factor, original, short_factor, long_factor, length, **_):
    divisors = long_factor if length > original else short_factor
    return powers(theta, d) / np.array(divisors), np.sqrt(1 + np.log(factor) / np.log(original))


def proportional(theta, d, fraction, **_):
    """d is the whole head; the first pairs move, the others stand still."""
    w = powers(theta, d)
    return np.where(np.arange(d // 2) < int(fraction * d / 2), w, 0.0), 1.0


RULES = {rule.__name__: rule for rule in (default, linear, ntk, dynamic, yarn, llama3, longrope, proportional)}
