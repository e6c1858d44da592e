"""`rotary convert` from outside: the logits of whole models and the scores of every form of projection stay what they were when
the other layout rotates; converting back gives the same bytes, the config's too; bad input has its sentence and leaves nothing.

Usage: convert_cli_test.py PROGRAM
"""

import json
import shutil
import unittest
from pathlib import Path

import numpy as np

import rotation_oracle as oracle
from cli_case import MEMORY, CliCase

GOLDEN = Path(__file__).resolve().parent / "golden"
TOKENS, WIDTH = 6, 11
OTHER = {"half": "interleaved", "interleaved": "half"}


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


class ConvertTest(CliCase):
    parent = MEMORY

    def setUp(self):
        super().setUp()
        self.random = np.random.default_rng(5)
        self.model = self.folder / "model"

    def convert(self, source, out, to, *options):
        run = self.rotary("convert", source, "--out", out, "--to", to, *options)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout

    def test_logits_of_whole_models(self):
        for name, to, moved in (("llama_shards", "interleaved", 8), ("llama_tied", "interleaved", None),
                                ("roformer", "half", 8), ("roformer_table", "half", 8)):
            out, back = self.folder / name, self.folder / f"{name}-back"
            report = json.loads(self.convert(GOLDEN / name, out, to, "--json"))
            self.assertEqual(report["layout"], to)
            if moved is not None:
                self.assertEqual(report["moved"], moved)
            self.rotary("logits", out, GOLDEN / name / "inputs.safetensors", "--out", "logits.safetensors")
            got = oracle.read(self.folder / "logits.safetensors")["logits"]
            wanted = oracle.read(GOLDEN / name / "logits.safetensors")["logits"]
            worst = np.max(np.abs(got - wanted))
            self.assertTrue(worst <= 1e-5 * np.max(np.abs(wanted)), f"{name}: {worst}")
            self.assertNotEqual(contents(out), contents(GOLDEN / name))
            # A name that programs which do not know the layout refuse.
            family = name.split("_")[0]
            self.assertEqual(json.loads((out / "config.json").read_text())["model_type"], f"{family}_{to}")
            self.convert(out, back, OTHER[to])
            self.assertEqual(contents(back), contents(GOLDEN / name))

    def scores(self, tensors, config, layout, project):
        """q.k of all heads and tokens, after the rotation in `layout`; project: tensors -> q, k [tokens, heads, channels]."""
        q, k = project(tensors)
        rotary_dim, offset = config["rotary"]
        angles = np.arange(TOKENS)[:, None, None] * oracle.frequencies(rotary_dim)
        q = oracle.turn(q, angles, layout, offset)
        k = oracle.turn(k, angles, layout, offset if k.shape[-1] == q.shape[-1] else 0)
        if k.shape[-1] != q.shape[-1]:
            q = q[..., offset:]  # latent: the rest of a key is not rotated and not in here
        return np.einsum("thd,sgd->hgts", q, k)

    def check(self, config, layout, tensors, project):
        shutil.rmtree(self.model, ignore_errors=True)
        self.model.mkdir()
        known = {key: value for key, value in config.items() if key != "rotary"}
        (self.model / "config.json").write_text(json.dumps({**known, "num_hidden_layers": 1}))
        (self.model / "tokenizer.json").write_text("{}")
        (self.model / "empty").write_text("")
        oracle.write(self.model / "model.safetensors", tensors, {"format": "pt"})
        for folder in ("out", "back"):
            shutil.rmtree(self.folder / folder, ignore_errors=True)
        self.convert(self.model, self.out, OTHER[layout])
        after = oracle.read(self.out / "model.safetensors")
        wanted = self.scores(tensors, config, layout, project)
        worst = np.max(np.abs(self.scores(after, config, OTHER[layout], project) - wanted))
        self.assertTrue(worst <= 1e-10, f"{config['model_type']}: {worst}")
        # As they were, the same weights would give other scores: the test can fail.
        self.assertGreater(np.max(np.abs(self.scores(tensors, config, OTHER[layout], project) - wanted)), 1e-2)
        self.convert(self.out, self.folder / "back", layout)
        self.assertEqual(contents(self.folder / "back"), contents(self.model))
        return after

    def normal(self, *shape):
        return self.random.standard_normal(shape)

    def test_projections_with_everything_on_them(self):
        """Grouped heads of which a part turns, biases, norms by head and over the whole row, LoRA."""
        x = self.normal(TOKENS, WIDTH)
        at = "model.layers.0.self_attn."
        tensors = {at + "q_proj.weight": self.normal(32, WIDTH), at + "q_proj.bias": self.normal(32),
                   at + "k_proj.weight": self.normal(16, WIDTH), at + "k_proj.bias": self.normal(16),
                   at + "q_proj.lora_A.weight": self.normal(2, WIDTH), at + "q_proj.lora_B.weight": self.normal(32, 2),
                   at + "q_norm.weight": self.normal(8), at + "k_norm.weight": self.normal(16),
                   at + "v_proj.weight": self.normal(16, WIDTH), "model.norm.weight": self.normal(WIDTH)}

        def project(t):
            q = x @ (t[at + "q_proj.weight"] + t[at + "q_proj.lora_B.weight"] @ t[at + "q_proj.lora_A.weight"]).T
            k = x @ t[at + "k_proj.weight"].T + t[at + "k_proj.bias"]
            k = k / np.sqrt(np.mean(k * k, -1, keepdims=True)) * t[at + "k_norm.weight"]
            q = (q + t[at + "q_proj.bias"]).reshape(TOKENS, 4, 8)
            q = q / np.sqrt(np.mean(q * q, -1, keepdims=True)) * t[at + "q_norm.weight"]
            return q, k.reshape(TOKENS, 2, 8)

        after = self.check({"model_type": "nemotron", "head_dim": 8, "num_attention_heads": 4, "num_key_value_heads": 2,
                            "partial_rotary_factor": 0.75, "rotary": (6, 0)}, "half", tensors, project)
        for name in ("q_proj.lora_A.weight", "v_proj.weight"):
            self.assertEqual(after[at + name].tobytes(), tensors[at + name].tobytes())

    def fused(self, name, rows, pick, **config):
        """One tensor [rows, width]; pick(rows [heads.., channels, tokens]) -> q, k."""
        x = self.normal(TOKENS, WIDTH)
        tensors = {name + ".weight": self.normal(rows, WIDTH), name + ".bias": self.normal(rows)}

        def project(t):
            q, k = pick((x @ t[name + ".weight"].T + t[name + ".bias"]))
            return q.reshape(TOKENS, -1, 8), k.reshape(TOKENS, -1, 8)

        layout = config.pop("layout", "half")
        self.check({"hidden_size": 32, "num_attention_heads": 4, "rotary": (8, 0), **config}, layout, tensors, project)

    def test_fused_projections(self):
        def by_head(y):
            y = y.reshape(TOKENS, 4, 3, 8)
            return y[:, :, 0], y[:, :, 1]

        def by_group(y):
            y = y.reshape(TOKENS, 2, 4, 8)
            return y[:, :, :2], y[:, :, 2]

        def by_four(y):  # one head in each block: queries, values, keys
            y = y.reshape(TOKENS, 4, 3, 8)
            return y[:, :, 0], y[:, :, 2]

        self.fused("gpt_neox.layers.0.attention.query_key_value", 96, by_head, model_type="gpt_neox", rotary_pct=1.0)
        self.fused("model.layers.0.self_attn.qkv_proj", 64, lambda y: (y[:, :32], y[:, 32:48]), model_type="phi3",
                   num_key_value_heads=2)
        self.fused("transformer.h.0.self_attention.query_key_value", 48, lambda y: (y[:, :32], y[:, 32:40]), model_type="falcon")
        self.fused("transformer.h.0.self_attention.query_key_value", 96, by_head, model_type="falcon", multi_query=False)
        self.fused("transformer.h.0.self_attention.query_key_value", 64, by_group, model_type="falcon", num_kv_heads=2,
                   new_decoder_architecture=True)
        self.fused("transformer.h.0.attn.qkv_proj", 96, by_four, model_type="codegen", rotary_dim=8, layout="interleaved",
                   n_head=4, n_embd=32)

    def test_latent_attention(self):
        x, latent = self.normal(TOKENS, WIDTH), 5
        at = "model.layers.0.self_attn."
        tensors = {at + "q_b_proj.weight": self.normal(2 * 12, WIDTH), at + "kv_b_proj.weight": self.normal(3, latent),
                   at + "kv_a_proj_with_mqa.weight": self.normal(latent + 4, WIDTH)}

        def project(t):
            k = (x @ t[at + "kv_a_proj_with_mqa.weight"].T)[:, latent:]
            return (x @ t[at + "q_b_proj.weight"].T).reshape(TOKENS, 2, 12), k.reshape(TOKENS, 1, 4)

        config = {"model_type": "deepseek_v3", "qk_nope_head_dim": 8, "qk_rope_head_dim": 4, "num_attention_heads": 2,
                  "num_key_value_heads": 128, "kv_lora_rank": latent, "rotary": (4, 8)}
        after = self.check(config, "interleaved", tensors, project)
        wanted = tensors[at + "kv_a_proj_with_mqa.weight"]
        self.assertTrue(np.array_equal(after[at + "kv_a_proj_with_mqa.weight"][:latent], wanted[:latent]))
        self.assertEqual(json.loads((self.out / "config.json").read_text())["rope_interleave"], False)

    def test_a_config_in_the_words_of_its_authors(self):
        self.model.mkdir()
        (self.model / "params.json").write_text(json.dumps({"dim": 8, "n_layers": 1, "n_heads": 2, "multiple_of": 256}))
        at = "layers.0.attention."
        tensors = {at + "wq.weight": self.normal(8, 8), at + "wk.weight": self.normal(8, 8)}
        oracle.write(self.model / "consolidated.safetensors", tensors)
        self.convert(self.model, self.out, "half")
        q = oracle.read(self.out / "consolidated.safetensors")[at + "wq.weight"]
        self.assertTrue(np.array_equal(q, tensors[at + "wq.weight"][[0, 2, 1, 3, 4, 6, 5, 7]]))
        self.convert(self.out, self.folder / "back", "interleaved")
        self.assertEqual(contents(self.folder / "back"), contents(self.model))

    def test_one_file(self):
        source = GOLDEN / "llama_tied"
        one, back = self.folder / "one.safetensors", self.folder / "back.safetensors"
        text = self.convert(source / "model.safetensors", one, "interleaved", "--config", source / "config.json")
        self.assertIn('the config beside it must say so: "rotary_layout": "interleaved", or the family\'s own key\n', text)
        self.convert(one, back, "half", "--config", source / "config.json", "--layout", "interleaved")
        self.assertEqual(back.read_bytes(), (source / "model.safetensors").read_bytes())
        self.convert(one, one, "half", "--config", source / "config.json", "--layout", "interleaved")
        self.assertEqual(one.read_bytes(), back.read_bytes())

    def test_bad_input(self):
        def refused(code, sentence, source, to, *options):
            before = sorted(self.folder.iterdir())
            self.leaves_nothing(self.rotary("convert", source, "--out", self.out, "--to", to, *options), code, sentence)
            self.assertEqual(sorted(self.folder.iterdir()), before)

        llama = GOLDEN / "llama_shards"
        refused(2, "convert: the layout is half already", llama, "half")
        refused(2, 'convert: --to must be one of interleaved, half, got "neox"', llama, "neox")
        refused(3, "cannot read none: no such file or folder", "none", "half")
        refused(2, "convert: a single file needs --config", llama / "model-00001-of-00003.safetensors", "interleaved")
        shutil.copytree(llama, self.model)
        (self.model / "pytorch_model.bin").write_bytes(b"x")
        refused(3, f"cannot read {self.model}: it holds pytorch_model.bin, weights that are no safetensors and would keep their "
                   "layout", self.model, "interleaved")
        (self.model / "pytorch_model.bin").unlink()
        at = "model.layers.0.self_attn."
        oracle.write(self.model / "adapter.safetensors", {at + "q_proj.qweight": np.ones((24, 3))})
        refused(3, f"cannot convert {self.model}/adapter.safetensors: {at}q_proj.qweight belongs to queries or keys, and is "
                   "neither their weight, bias nor LoRA", self.model, "interleaved")
        oracle.write(self.model / "adapter.safetensors", {at + "q_proj.weight": ("F8_E4M3", np.ones((24, 24), np.uint8))})
        refused(3, f"cannot convert {self.model}/adapter.safetensors: {at}q_proj.weight is F8_E4M3, and the rows of quantised "
                   "weights cannot move without their scales", self.model, "interleaved")
        (self.model / "adapter.safetensors").unlink()
        oracle.write(self.model / "model-00003-of-00003.safetensors", {at.replace("0", "7") + "q_proj.weight": np.ones((24, 24))})
        refused(3, f"cannot convert {self.model}: layer 7 has queries but no keys here", self.model, "interleaved")
        (self.model / "model-00003-of-00003.safetensors").unlink()
        refused(3, f"cannot read {self.model}/model.safetensors.index.json: weight_map.lm_head.weight names "
                   "model-00003-of-00003.safetensors, which is not there", self.model, "interleaved")
        self.out.mkdir()
        run = self.rotary("convert", llama, "--out", self.out, "--to", "interleaved")
        self.fails(run, 3, f"cannot write {self.out}: it exists already")


if __name__ == "__main__":
    unittest.main()
