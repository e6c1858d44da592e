"""PyTorch's fused attention, 32 query and 8 key heads of 128, f32: causal prefill, the same with gradients, and one new
token over a cache. Rows "attention/{prefill,prefill-backward,decode}/f32/TOKENS"."""

import numpy as np
import torch
import torch.nn.functional as F

import peer
import reference

HEADS, KV_HEADS, HEAD_DIM = 32, 8, 128
TOLERANCE = 1e-4  # sums over thousands of tokens in f32


def fused(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)


def repeated(q, k, v):
    """Keys and values copied for every query head, as models do that know no grouped heads."""
    k, v = (x.repeat_interleave(HEADS // KV_HEADS, 1) for x in (k, v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=True)


def fused_token(q, k, v):
    return F.scaled_dot_product_attention(q, k, v, enable_gqa=True)


def grouped_token(q, k, v):
    """The four query heads of a key head as four queries: for one token no mask is needed, and keys are read once."""
    return F.scaled_dot_product_attention(q.view(1, KV_HEADS, -1, HEAD_DIM), k, v).view(1, HEADS, 1, HEAD_DIM)


def product_token(q, k, v):
    """The same by two small matrix products."""
    scores = q.view(KV_HEADS, -1, HEAD_DIM) @ k[0].transpose(1, 2) * HEAD_DIM ** -0.5
    return (scores.softmax(-1) @ v[0]).view(1, HEADS, 1, HEAD_DIM)


def prepare(row, threads):
    torch.set_num_threads(threads)
    _, what, _, tokens = row.split("/")
    queries = 1 if what == "decode" else int(tokens)
    rng = np.random.default_rng(0)
    q, k, v, d_out = (torch.from_numpy(rng.standard_normal((1, heads, count, HEAD_DIM), np.float32)) for heads, count in
                      ((HEADS, queries), (KV_HEADS, int(tokens)), (KV_HEADS, int(tokens)), (HEADS, queries)))
    if what == "prefill-backward":
        q, k, v = (x.requires_grad_() for x in (q, k, v))

    def check(got):
        out, *gradients = (x.detach().numpy()[0] for x in got)
        x_q, x_k, x_v, x_d = (x.detach().numpy()[0] for x in (q, k, v, d_out))
        for at in sorted({0, queries // 2, queries - 1}):
            keys = int(tokens) - queries + at + 1
            want, *want_gradients = reference.attention(x_q[:, at], x_k[:, :keys], x_v[:, :keys], x_d[:, at])
            reference.require_close(out[:, at], want, TOLERANCE)
            if gradients:
                reference.require_close(gradients[0][:, at], want_gradients[0], TOLERANCE)
        for got_d, want_d in zip(gradients[1:], want_gradients[1:]):  # no other query sees the last key
            reference.require_close(got_d[:, -1], want_d, TOLERANCE)

    recipes = {"SDPA, grouped": fused_token, "SDPA, four queries a key head": grouped_token,
               "products and softmax": product_token}
    if what != "decode":
        recipes = {"SDPA, grouped": fused, "SDPA, repeated keys": repeated}
    cases = peer.Cases()
    for name, recipe in recipes.items():
        def call(recipe=recipe):
            if what != "prefill-backward":
                with torch.no_grad():
                    return [recipe(q, k, v)]
            out = recipe(q, k, v)
            return [out, *torch.autograd.grad(out, (q, k, v), d_out)]
        cases.add(name, call, check)
    return cases


if __name__ == "__main__":
    peer.serve(prepare, {"torch": torch.__version__})
