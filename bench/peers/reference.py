"""The answers that peers are checked against before they are timed, in double, from the definitions."""

import numpy as np

THETA = 10000.0


def angles(tokens, head_dim):
    """[tokens, head_dim / 2], in radians."""
    return np.arange(tokens)[:, None] * THETA ** (-np.arange(0, head_dim, 2) / head_dim)


def rotate(x, layout, sign=1):
    """x [..., tokens, head_dim] turned by the angles above; sign -1 gives the gradient."""
    x = np.asarray(x, np.float64)
    a = sign * angles(*x.shape[-2:])
    half = x.shape[-1] // 2
    first, second = (np.s_[..., :half], np.s_[..., half:]) if layout == "half" else (np.s_[..., ::2], np.s_[..., 1::2])
    y = np.empty_like(x)
    y[first] = x[first] * np.cos(a) - x[second] * np.sin(a)
    y[second] = x[second] * np.cos(a) + x[first] * np.sin(a)
    return y


def attention(q, k, v, d_out):
    """One query, q and d_out [heads, dim], over the keys that it sees, k and v [kv_heads, keys, dim].

    Returns (out [heads, dim], d_q [heads, dim], and what the query adds to d_k and d_v of the last key, [kv_heads, dim]).
    """
    kv_heads, dim = k.shape[0], k.shape[2]
    q, d_out = (np.asarray(x, np.float64).reshape(kv_heads, -1, dim) for x in (q, d_out))
    k, v = (np.asarray(x, np.float64) for x in (k, v))
    scale = dim ** -0.5
    scores = scale * q @ k.swapaxes(1, 2)
    p = np.exp(scores - scores.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    d_p = d_out @ v.swapaxes(1, 2)
    d_scores = scale * p * (d_p - (p * d_p).sum(-1, keepdims=True))
    d_k = np.einsum("hg,hgd->hd", d_scores[..., -1], q)
    d_v = np.einsum("hg,hgd->hd", p[..., -1], d_out)
    return (p @ v).reshape(-1, dim), (d_scores @ k).reshape(-1, dim), d_k, d_v


def require_close(got, want, tolerance):
    error = np.abs(np.asarray(got, np.float64) - want).max()
    if not error <= tolerance:
        raise ValueError(f"wrong answer: error {error:.3g} above {tolerance:.3g}")
