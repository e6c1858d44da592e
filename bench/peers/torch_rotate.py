"""PyTorch rotating q [1, 32, tokens, 128] and k [1, 8, tokens, 128]: the rotate-half recipe of Transformers and the
complex recipe of Meta's Llama, eager and compiled. Rows "rotate/DTYPE/TOKENS", with "+gradient" for both passes."""

import numpy as np
import torch

import peer
import reference

HEADS, KV_HEADS, HEAD_DIM = 32, 8, 128
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
# Recipes round the tables, and in 16 bits every step between: 3 bits of the largest value, about 5.
TOLERANCE = {"f32": 1e-5, "bf16": 0.06, "f16": 0.01}


def rotate_half(q, k, cos, sin):
    def one(x):
        a, b = x.chunk(2, -1)
        return x * cos + torch.cat((-b, a), -1) * sin
    return one(q), one(k)


def complex_product(q, k, turn):
    """Adjacent channels as complex numbers; there are none of 16 bits, so these go through f32."""
    def one(x):
        pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
        return torch.view_as_real(pairs * turn).flatten(-2).type_as(x)
    return one(q), one(k)


def complex_in_place(q, k, turn):
    for x in (q, k):
        torch.view_as_complex(x.unflatten(-1, (-1, 2))).mul_(turn)
    return q, k


def prepare(row, threads):
    torch.set_num_threads(threads)
    _, dtype, tokens = row.removesuffix("+gradient").split("/")
    gradient = row.endswith("+gradient")
    rng = np.random.default_rng(0)

    def draw(heads):
        return torch.from_numpy(rng.standard_normal((1, heads, int(tokens), HEAD_DIM), np.float32)).to(DTYPES[dtype])

    q, k, d_q, d_k = draw(HEADS), draw(KV_HEADS), draw(HEADS), draw(KV_HEADS)
    angles = reference.angles(int(tokens), HEAD_DIM)
    cos, sin = (torch.from_numpy(f(np.concatenate((angles, angles), 1))).to(DTYPES[dtype]) for f in (np.cos, np.sin))
    turn = torch.from_numpy(np.exp(1j * angles)).to(torch.complex64)

    recipes = {
        "rotate-half": (rotate_half, (cos, sin), "half"),
        "rotate-half, compiled": (torch.compile(rotate_half, dynamic=False), (cos, sin), "half"),
        "complex": (complex_product, (turn,), "interleaved"),
    }
    if dtype == "f32" and not gradient:
        recipes["complex, in place"] = (complex_in_place, (turn,), "interleaved")

    cases = peer.Cases()
    for name, (recipe, tables, layout) in recipes.items():
        own_q, own_k = q.clone(), k.clone()
        if gradient:
            own_q.requires_grad_(), own_k.requires_grad_()

        def call(recipe=recipe, tables=tables, own_q=own_q, own_k=own_k):
            with torch.set_grad_enabled(gradient):
                out = recipe(own_q, own_k, *tables)
                return out + torch.autograd.grad(out, (own_q, own_k), (d_q, d_k)) if gradient else out

        def check(got, layout=layout):
            for i, (x, sign) in enumerate(((q, 1), (k, 1), (d_q, -1), (d_k, -1))[: len(got)]):
                want = reference.rotate(x.double().numpy(), layout, sign)
                reference.require_close(got[i].detach().double().numpy(), want, TOLERANCE[dtype])

        cases.add(name, call, check)
    return cases


if __name__ == "__main__":
    peer.serve(prepare, {"torch": torch.__version__})
