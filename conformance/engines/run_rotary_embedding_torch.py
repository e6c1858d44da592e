"""The golden vectors by rotary-embedding-torch (github.com/lucidrains/rotary-embedding-torch): plain spectra by its own theta,
others as custom_freqs; blocks of axes by one embedding each, joined as its get_axial_freqs does.

Usage: run_rotary_embedding_torch.py OUTPUTS        then: check.py OUTPUTS
Needs torch, rotary-embedding-torch (0.9.1 was used)."""
import numpy as np
import torch
from rotary_embedding_torch import RotaryEmbedding, apply_rotary_emb

from runs import NotOffered, run, with_gradient


def embedding(frequency):
    """By theta where frequencies are its powers, else as they are."""
    dim = 2 * len(frequency)
    theta = float(np.round(frequency[-1] ** (-dim / (dim - 2)), 3)) if frequency[-1] > 0 and dim > 2 else 1.0
    if np.allclose(theta ** (-np.arange(0, dim, 2) / dim), frequency, rtol=1e-9):
        return RotaryEmbedding(dim=dim, theta=theta)
    return RotaryEmbedding(dim=dim, custom_freqs=torch.tensor(frequency, dtype=torch.float32))


def angles(case, positions):
    r = case["rotation"]
    frequency = np.array(r["frequency"])
    if case["name"] == "vision_pixel_bands":
        bands = RotaryEmbedding(dim=len(frequency), freqs_for="pixel", max_freq=224)
        return torch.cat([bands.forward(axis.float()) for axis in positions.unbind(-1)], dim=-1)
    if r["axes"] == 1:
        return embedding(frequency[:, 0]).forward(positions)
    axis = (frequency != 0).argmax(axis=1)
    if np.any(np.diff(axis) < 0):
        raise NotOffered("axes that take turns")
    return torch.cat([embedding(frequency[axis == a, a]).forward(positions[..., a]) for a in range(r["axes"])], dim=-1)


def rotate(case, positions, x):
    r = case["rotation"]
    if case["layout"] != "interleaved":
        raise NotOffered("neighbours only")
    if case["direction"] != "forward" or "heads" in r or case["name"] == "shift":
        raise NotOffered("no inverse, no frequencies by head")
    if "log_decay" in r:
        raise NotOffered("xPos counts from the middle of the sequence that it is given")
    freqs = angles(case, positions)[:, None]
    q = x.transpose(1, 2)  # batch, heads, tokens, channels
    return apply_rotary_emb(freqs, q, start_index=case["offset"], scale=r["attention_factor"]).transpose(1, 2)


if __name__ == "__main__":
    run(with_gradient(rotate))
