#!/usr/bin/env python3
"""Rotates random vectors by the classes of diffusers and timm, and by what `rotary inspect` says for the same config.

Usage: check_diffusers.py [--program build/release/rotary]

Needs torch, diffusers and timm (pip), so it is not part of ./run test. Each class makes its tables for a small grid and
applies them; `rotary inspect --json` gives pairs and frequencies, which are applied in double. They must agree to a
millionth of the largest angle, for the classes compute in float32. Exits 1 where one does not.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import timm
import torch
from diffusers.models import embeddings
from diffusers.models.transformers import (transformer_cosmos, transformer_ernie_image,
                                           transformer_flux, transformer_hunyuan_video, transformer_ltx,
                                           transformer_ltx2, transformer_lumina2, transformer_mochi, transformer_wan,
                                           transformer_z_image)
from safetensors.torch import save_file
from timm.layers import apply_rot_embed_cat

FRAMES, ROWS, COLUMNS = 2, 3, 4
GRID = np.stack(np.meshgrid(np.arange(FRAMES), np.arange(ROWS), np.arange(COLUMNS), indexing="ij"), -1).reshape(-1, 3)
PLANE = GRID[:ROWS * COLUMNS, 1:]
TOKENS = len(GRID)


def inspect(program, config, part, layer=0, **tensors):
    """The rotation of a layer."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "config.json"
        path.write_text(json.dumps(config))
        weights = []
        if tensors:
            save_file({name.replace("__", "."): t.contiguous() for name, t in tensors.items()}, path.parent / "w")
            weights = ["--weights", path.parent / "w"]
        run = subprocess.run([program, "inspect", path, "--json", *weights], capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(run.stderr)
        groups = [g for g in json.loads(run.stdout)["layers"] if g["part"] == part]
        return next(g["query"] for g in groups if not g["layers"] or layer in g["layers"])


def turned(rotation, x, positions):
    """x [tokens, heads, channels], positions [tokens, axes]; also the largest angle."""
    y = x.copy()
    first, second = rotation["first"], rotation["second"]
    heads = rotation.get("heads", 1)
    one = np.array(rotation["frequency"]).reshape(heads, len(first), -1)
    other = np.array(rotation.get("second_frequency", rotation["frequency"])).reshape(one.shape)
    a, b = (np.einsum("tx,hjx->thj", positions, w) for w in (one, other))
    y[..., first] = np.cos(a) * x[..., first] - np.sin(a) * x[..., second]
    y[..., second] = np.cos(b) * x[..., second] + np.sin(b) * x[..., first]
    return y, np.abs(a).max()


def flux(x):
    tables = transformer_flux.FluxPosEmbed(10000, [16, 56, 56])(torch.tensor(GRID))
    return embeddings.apply_rotary_emb(x[None], tables, sequence_dim=1)[0], GRID


def hunyuan_video(x):
    tables = transformer_hunyuan_video.HunyuanVideoRotaryPosEmbed(2, 1, [16, 56, 56], 256.0)(
        torch.zeros(1, 16, FRAMES, 2 * ROWS, 2 * COLUMNS))
    return embeddings.apply_rotary_emb(x[None], tables, sequence_dim=1)[0], GRID


def cosmos(x):
    tables = transformer_cosmos.CosmosRotaryPosEmbed(hidden_size=128, rope_scale=(1.0, 4.0, 3.0))(
        torch.zeros(1, 4, FRAMES, 2 * ROWS, 2 * COLUMNS), fps=30)
    y = embeddings.apply_rotary_emb(x.transpose(0, 1)[None], tables, use_real=True, use_real_unbind_dim=-2)
    return y[0].transpose(0, 1), GRID * np.array([24 / 30, 1, 1])


def wan(x):
    cos, sin = transformer_wan.WanRotaryPosEmbed(128, (1, 2, 2), 1024)(
        torch.zeros(1, 16, FRAMES, 2 * ROWS, 2 * COLUMNS))
    return apply_rot_embed_cat(x, torch.cat([sin[0], cos[0]], -1)), GRID


def allegro(x):
    tables = embeddings.get_3d_rotary_pos_embed_allegro(96, ((0, 0), (ROWS, COLUMNS)), (ROWS, COLUMNS), FRAMES)[:3]
    y = embeddings.apply_rotary_emb_allegro(x.transpose(0, 1)[None], tables, torch.tensor(GRID).T[:, None])
    return y[0].transpose(0, 1), GRID


def z_image(x):
    table = transformer_z_image.RopeEmbedder(256.0, axes_dims=[32, 48, 48], axes_lens=[8, 8, 8])(torch.tensor(GRID))
    return as_complex(x, table), GRID


def lumina2(x):
    embed = transformer_lumina2.Lumina2RotaryPosEmbed(10000, [32, 32, 32], [8, 8, 8])
    return as_complex(x, embed._get_freqs_cis(torch.tensor(GRID)[None])[0]), GRID


def as_complex(x, table):
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * table[:, None].to(torch.complex64)).flatten(-2)


def ernie_image(x):
    angles = transformer_ernie_image.ErnieImageEmbedND3(128, 256, (32, 48, 48))(torch.tensor(GRID)[None].float())[0]
    one, other = x.chunk(2, -1)  # as in ErnieImageSingleStreamAttnProcessor
    return x * angles.cos() + torch.cat([-other, one], -1) * angles.sin(), GRID


def ltx(x):
    tables = transformer_ltx.LTXVideoRotaryPosEmbed(dim=2048)(
        torch.zeros(1, TOKENS, 8), FRAMES, ROWS, COLUMNS, rope_interpolation_scale=(torch.tensor(8 / 25), 32, 32))
    y = transformer_ltx.apply_rotary_emb(x.flatten(1)[None], tables)
    return y.reshape(x.shape), 2 * GRID * np.array([8 / 25 / 20, 32 / 2048, 32 / 2048]) - 1


def ltx2(x):
    embed = transformer_ltx2.LTX2AudioVideoRotaryPosEmbed(dim=4096, rope_type="split")
    patches = embed.prepare_video_coords(1, FRAMES, ROWS, COLUMNS, "cpu")
    y = transformer_ltx2.apply_split_rotary_emb(x.flatten(1)[None], embed(patches))
    return y.reshape(x.shape), 2 * patches.mean(-1)[0].T.numpy() / np.array([20, 2048, 2048]) - 1


MOCHI = torch.randn(3, 3, 4, generator=torch.Generator().manual_seed(1))


def mochi(x):
    rope = transformer_mochi.MochiRoPE()
    cos, sin = rope(MOCHI, FRAMES, ROWS, COLUMNS, dtype=torch.float32)
    even, odd = x[..., 0::2], x[..., 1::2]  # as in MochiAttnProcessor2_0
    y = torch.stack([even * cos - odd * sin, even * sin + odd * cos], -1).flatten(-2)
    return y, rope._get_positions(FRAMES, ROWS, COLUMNS, dtype=torch.float64).numpy()


def head(name, **keys):
    return {"_class_name": name, "num_layers": 1, **keys}


CLASSES = [
    (flux, 1, 128, "image", head("FluxTransformer2DModel", attention_head_dim=128)),
    (hunyuan_video, 1, 128, "video", head("HunyuanVideoTransformer3DModel", attention_head_dim=128)),
    (cosmos, 1, 128, "video", head("CosmosTransformer3DModel", attention_head_dim=128, rope_scale=[1.0, 4.0, 3.0])),
    (wan, 1, 128, "video", head("WanTransformer3DModel", attention_head_dim=128)),
    (allegro, 1, 96, "video", head("AllegroTransformer3DModel", attention_head_dim=96)),
    (z_image, 1, 128, "image", head("ZImageTransformer2DModel", dim=3840, n_heads=30)),
    (lumina2, 1, 96, "image", head("Lumina2Transformer2DModel", hidden_size=2304, num_attention_heads=24)),
    (ernie_image, 1, 128, "image", head("ErnieImageTransformer2DModel")),
    (ltx, 32, 64, "video", head("LTXVideoTransformer3DModel")),
    (ltx2, 32, 128, "video", head("LTX2VideoTransformer3DModel", rope_type="split")),
    (mochi, 3, 8, "video", head("MochiTransformer3DModel", attention_head_dim=8, num_attention_heads=3)),
]
# Whether the half layout, and positions of a grid of patches.
ARCHITECTURES = {
    "eva02_tiny_patch14_224": (False, lambda n: PLANE / n * 16),
    "vit_pe_core_tiny_patch16_384": (False, lambda n: ((PLANE + 1) / n * 24)[:, ::-1]),
    "vit_small_patch16_rope_224": (False, lambda n: PLANE[:, ::-1]),
    "vit_small_patch16_rope_mixed_224": (False, lambda n: PLANE[:, ::-1]),
    "vit_small_patch16_dinov3": (True, lambda n: 2 * (PLANE + 0.5) / n - 1),
}


def check(name, ours, theirs):
    y, largest = ours
    error = np.abs(theirs.double().numpy() - y).max()
    good = error <= 1e-6 * (1 + largest)
    print(f"{name:34} difference {error:.1e}, largest angle {largest:8.1f} {'' if good else '  WRONG'}")
    return good


def main():
    parser = argparse.ArgumentParser(description="compares with the classes of diffusers and timm")
    parser.add_argument("--program", default="build/release/rotary")
    program = parser.parse_args().program
    torch.manual_seed(0)
    good = []
    for rotate, heads, dim, part, config in CLASSES:
        x = torch.randn(TOKENS, heads, dim)
        theirs, positions = rotate(x)
        tensors = {"pos_frequencies": MOCHI} if rotate is mochi else {}
        rotation = inspect(program, config, part, **tensors)
        good.append(check(config["_class_name"], turned(rotation, x.double().numpy(), positions), theirs))
    for name, (half, positions) in ARCHITECTURES.items():
        model = timm.create_model(name, dynamic_img_size=True).eval()
        heads = model.blocks[0].attn.num_heads
        x = torch.randn(len(PLANE), heads, model.embed_dim // heads)
        mixed = "mixed" in name
        with torch.no_grad():
            table = model.rope.get_embed(shape=[ROWS, COLUMNS])
        layer = 7 if mixed else 0
        theirs = apply_rot_embed_cat(x.transpose(0, 1), table[layer] if mixed else table, half=half).transpose(0, 1)
        tensors = {"rope__freqs": model.rope.freqs.detach()} if mixed else {}
        rotation = inspect(program, {"architecture": name}, "vision", layer, **tensors)
        good.append(check(name, turned(rotation, x.double().numpy(), positions(np.array([ROWS, COLUMNS]))), theirs))
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
