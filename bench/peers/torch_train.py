"""Training steps in PyTorch, f32: forward, backward and fused AdamW on one batch of random tokens, without dropout.

train/roformer-23m/f32   the form of RoFormer (post-norm, GELU, biases): 6 layers, 512 wide, 8 heads, 2048 inner, 16 rows
                         of 256 tokens, 8192 tied words, loss on 15% of the tokens and the head on these alone
train/demo/f32           the form of Llama (RMS pre-norm, SwiGLU, no biases): 4 layers, 128 wide, 4 heads, 352 inner, 32
                         rows of 128 bytes, causal, loss on every token
"""

import dataclasses
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

import peer
import reference


@dataclasses.dataclass
class Config:
    layers: int
    dim: int
    heads: int
    inner: int
    words: int
    rows: int
    tokens: int
    causal: bool  # and with it the form of Llama
    targets: float = 1.0  # the part of the tokens that has one


ROWS = {
    "train/roformer-23m/f32": Config(6, 512, 8, 2048, 8192, 16, 256, causal=False, targets=0.15),
    "train/demo/f32": Config(4, 128, 4, 352, 258, 32, 128, causal=True),
}


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.heads, self.causal = c.heads, c.causal
        self.qkv = nn.Linear(c.dim, 3 * c.dim, bias=not c.causal)
        self.out = nn.Linear(c.dim, c.dim, bias=not c.causal)

    def forward(self, x, cos, sin):
        q, k, v = (y.unflatten(-1, (self.heads, -1)).transpose(1, 2) for y in self.qkv(x).chunk(3, -1))

        def rotate(y):
            a, b = y.chunk(2, -1)
            return y * cos + torch.cat((-b, a), -1) * sin

        y = F.scaled_dot_product_attention(rotate(q), rotate(k), v, is_causal=self.causal)
        return self.out(y.transpose(1, 2).flatten(-2))


class RoFormerLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.attention = Attention(c)
        self.up, self.down = nn.Linear(c.dim, c.inner), nn.Linear(c.inner, c.dim)
        self.norms = nn.ModuleList(nn.LayerNorm(c.dim, eps=1e-12) for _ in range(2))

    def forward(self, x, cos, sin):
        x = self.norms[0](x + self.attention(x, cos, sin))
        return self.norms[1](x + self.down(F.gelu(self.up(x))))


class LlamaLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.attention = Attention(c)
        self.gate_up = nn.Linear(c.dim, 2 * c.inner, bias=False)
        self.down = nn.Linear(c.inner, c.dim, bias=False)
        self.norms = nn.ModuleList(nn.RMSNorm(c.dim, eps=1e-5) for _ in range(2))

    def forward(self, x, cos, sin):
        x = x + self.attention(self.norms[0](x), cos, sin)
        gate, up = self.gate_up(self.norms[1](x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Model(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.causal = c.causal
        self.words = nn.Embedding(c.words, c.dim)
        self.layers = nn.ModuleList((LlamaLayer if c.causal else RoFormerLayer)(c) for _ in range(c.layers))
        if c.causal:
            self.norm = nn.RMSNorm(c.dim, eps=1e-5)
        else:
            self.types, self.embedding_norm = nn.Embedding(2, c.dim), nn.LayerNorm(c.dim, eps=1e-12)
            self.dense, self.norm = nn.Linear(c.dim, c.dim), nn.LayerNorm(c.dim, eps=1e-12)
            self.bias = nn.Parameter(torch.zeros(c.words))
        for module in self.modules():
            if isinstance(module, (nn.Linear, nn.Embedding)):
                nn.init.normal_(module.weight, std=0.02)
        angles = torch.from_numpy(reference.angles(c.tokens, c.dim // c.heads)).repeat(1, 2)
        self.register_buffer("cos", angles.cos().float())
        self.register_buffer("sin", angles.sin().float())

    def forward(self, ids, at, targets):
        """The mean loss of the tokens numbered `at`; of all where it is None."""
        x = self.words(ids)
        if not self.causal:
            x = self.embedding_norm(x + self.types(torch.zeros_like(ids)))
        for layer in self.layers:
            x = layer(x, self.cos, self.sin)
        x = x.flatten(0, 1) if at is None else x.flatten(0, 1)[at]
        x = self.norm(x if self.causal else F.gelu(self.dense(x)))
        return F.cross_entropy(F.linear(x, self.words.weight, None if self.causal else self.bias), targets)


def prepare(row, threads):
    torch.set_num_threads(threads)
    c = ROWS[row]
    torch.manual_seed(0)
    count = round(c.targets * c.rows * c.tokens)
    ids = torch.randint(c.words, (c.rows, c.tokens))
    at = torch.randperm(ids.numel())[:count].sort().values if count < ids.numel() else None
    targets = torch.randint(c.words, (count,))

    cases = peer.Cases()
    for kind in ("eager", "compiled"):
        model = Model(c)
        loss_of = torch.compile(model, dynamic=False) if kind == "compiled" else model
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)

        def step(loss_of=loss_of, optimizer=optimizer):
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(ids, at, targets)
            loss.backward()
            optimizer.step()
            return loss.item()

        def check(first, step=step):
            """An untrained model guesses; a trained one gets better on the batch that it has seen."""
            if not abs(first - math.log(c.words)) < 0.5:
                raise ValueError(f"wrong answer: first loss {first}, not about {math.log(c.words)}")
            second = step()
            if not second < first:
                raise ValueError(f"wrong answer: the loss went from {first} to {second}")

        cases.add(kind, step, check)
    return cases


if __name__ == "__main__":
    peer.serve(prepare, {"torch": torch.__version__})
