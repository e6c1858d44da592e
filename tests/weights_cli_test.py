"""Frequencies that a checkpoint holds, by `--weights` from a file written here: stored and learned ones, for all layers and for
each, for each head; without the file, or with a wrong one, there is a sentence. Buffers that families only used to keep do not
count."""

import json
import math
import random
import unittest

import numpy as np
from angle_tables import POSITION, ModelCase, half, interleaved, spectrum, tiled, times, twice
from rotation_oracle import read, write


def rounded(numbers, dtype=np.float16):
    """As a file of this dtype holds them."""
    return [float(x) for x in np.array(numbers, dtype)]


class WeightsTest(ModelCase):
    ESM = {"model_type": "esm", "hidden_size": 128, "num_attention_heads": 4, "num_hidden_layers": 3,
           "position_embedding_type": "rotary"}

    def weights(self, tensors, file="w.safetensors"):
        """A file; tensors: {name: (dtype, shape, numbers)}."""
        path = self.folder / file
        write(path, {name: np.array(numbers, dtype).reshape(shape) for name, (dtype, shape, numbers) in tensors.items()})
        return path

    def test_esm_keeps_rounded_frequencies_for_each_layer(self):
        stored = rounded(spectrum(32))
        names = [f"esm.encoder.layer.{i}.attention.self.rotary_embeddings.inv_freq" for i in range(3)]
        tensor = (np.float16, [16], stored)
        file = self.weights({names[0]: tensor, names[1]: (np.float16, [16], times(2, stored)), names[2]: tensor})
        one, two = self.layers(self.ESM, "--weights", file)
        self.assertEqual((one["layers"], two["layers"]), ([0, 2], [1]))
        self.assertEqual((one["rule"], one["theta"]), ("checkpoint", None))
        self.expect(one, half(32), tiled(times(7, stored)))
        self.expect(two, half(32), tiled(times(14, stored)))
        (shared,) = self.layers(self.ESM, "--weights", self.weights({"esm.rotary_embeddings.inv_freq": tensor}))
        self.expect(shared, half(32), tiled(times(7, stored)))
        # Without the file they are the config's.
        (computed,) = self.layers(self.ESM)
        self.expect(computed, half(32), tiled(times(7, spectrum(32))))
        _, run = self.run_inspect(self.ESM, "--weights", file)
        self.assertIn("  rule              none: the frequencies are those of the checkpoint", run.stdout.splitlines())

    def test_shards_by_their_index_or_folder(self):
        names = [f"esm.encoder.layer.{i}.attention.self.rotary_embeddings.inv_freq" for i in range(3)]
        stored = rounded(spectrum(32))
        shards = ["model-00001-of-00003.safetensors", "model-00002-of-00003.safetensors"]
        self.weights({name: (np.float16, [16], stored) for name in names[::2]}, shards[0])
        second = self.weights({names[1]: (np.float16, [16], times(2, stored))}, shards[1])
        index = self.folder / "model.safetensors.index.json"
        places = dict(zip(names, [shards[0], shards[1], shards[0]]))

        def put(**others):
            index.write_text(json.dumps({"metadata": {"total_size": 96}, "weight_map": {**places, **others}}))

        # The third shard holds no frequencies and is not there.
        put(**{"lm_head.weight": "model-00003-of-00003.safetensors"})
        for path in (index, self.folder):
            one, two = self.layers(self.ESM, "--weights", path)
            self.assertEqual((one["layers"], two["layers"]), ([0, 2], [1]))
            self.expect(one, half(32), tiled(times(7, stored)))
            self.expect(two, half(32), tiled(times(14, stored)))
        self.weights({names[1]: (np.float16, [8], [1.0] * 8)}, shards[1])
        self.refuses(self.ESM, f"cannot read {second}: {names[1]} must have the shape [16] (frequencies), got [8]",
                     "--weights", index)
        put(**{names[1]: shards[0]})
        self.refuses(self.ESM, f"cannot read {index}: weight_map.{names[1]} names {shards[0]}, which does not hold that tensor",
                     "--weights", index)
        put()
        second.unlink()
        self.refuses(self.ESM, f"cannot read {index}: weight_map.{names[1]} names {shards[1]}, which is not there",
                     "--weights", index)
        index.unlink()
        self.refuses(self.ESM, f"cannot read {self.folder}: it holds neither model.safetensors nor "
                     "diffusion_pytorch_model.safetensors, nor the .index.json of either", "--weights", self.folder)

    def test_a_tensor_of_one_layer_is_not_that_of_all(self):
        names = [f"esm.encoder.layer.{i}.attention.self.rotary_embeddings.inv_freq" for i in range(2)]
        for held in (1, 2):
            file = self.weights({name: (np.float16, [16], [1.0] * 16) for name in names[:held]})
            self.refuses(self.ESM, f"cannot read {file}: it has no tensor encoder.layer.{held}.attention.self."
                         "rotary_embeddings.inv_freq or rotary_embeddings.inv_freq", "--weights", file)

    def test_stable_audio(self):
        dit = {"embed_dim": 1536, "depth": 24, "num_heads": 24}
        config = {"model_type": "diffusion_cond", "model": {"diffusion": {"type": "dit", "config": dit}}}
        stored = rounded(times(1.001, spectrum(32)), np.float32)
        partner, still = half(32) + list(range(32, 64)), [0.0] * 32
        file = self.weights({"model.model.transformer.rotary_pos_emb.inv_freq": (np.float32, [16], stored)})
        (group,) = self.layers(config, "--weights", file)
        self.assertEqual((group["part"], group["layers"]), ("audio", list(range(24))))
        self.expect(group, partner, tiled(times(7, stored)) + still)
        (group,) = self.layers({"_class_name": "StableAudio3DiTModel", **dit}, "--weights",
                               self.weights({"rotary_pos_emb.inv_freq": (np.float32, [16], stored)}))
        self.expect(group, partner, tiled(times(7, stored)) + still)
        (group,) = self.layers({"_class_name": "StableAudioDiTModel", "attention_head_dim": 64, "num_layers": 24})
        self.expect(group, partner, tiled(times(7, spectrum(32))) + still)

    def test_dinov3_of_meta(self):
        config = {"model_type": "dinov3_vit", "hidden_size": 384, "num_attention_heads": 6, "num_hidden_layers": 12,
                  "rope_theta": 100.0}
        periods = [100 ** (2 * j / 32) for j in range(16)]

        def angles(list_of_periods):
            return tiled([2 * math.pi * x / t for x in POSITION[:2] for t in list_of_periods])

        (group,) = self.layers(config, "--weights", self.weights({"rope_embed.periods": (np.float16, [16], periods)}))
        self.expect(group, half(64), angles(rounded(periods)))
        (group,) = self.layers(config)
        self.expect(group, half(64), angles(periods))
        file = self.weights({"norm.weight": (np.float16, [16], periods)})
        self.refuses(config, f"cannot read {file}: it has no tensor rope_embed.periods; transformers computes them from "
                     "the config: leave out --weights, or give the file that Meta published", "--weights", file)
        file = self.weights({"rope_embed.periods": (np.float16, [16], times(-1, periods))})
        self.refuses(config, f"cannot read {file}: rope_embed.periods must be positive", "--weights", file)

    def test_learned_for_each_head(self):
        mochi = {"_class_name": "MochiTransformer3DModel", "attention_head_dim": 8, "num_attention_heads": 3,
                 "num_layers": 2}
        draw = random.Random(5)
        learned = rounded([draw.gauss(0, 1) for _ in range(3 * 3 * 4)], np.float32)  # axis, head, pair
        file = self.weights({"pos_frequencies": (np.float32, [3, 3, 4], learned)})
        (group,) = self.layers(mochi, "--weights", file)
        for head in range(3):
            angles = [math.fsum(POSITION[x] * learned[(x * 3 + head) * 4 + j] for x in range(3)) for j in range(4)]
            self.expect(group, interleaved(8), twice(angles), head)
        self.refuses(mochi, "CONFIG: it is of the family mochi, whose frequencies are learned: give the checkpoint that "
                     "holds pos_frequencies by --weights")
        self.refuses({**mochi, "num_attention_heads": 65536, "attention_head_dim": 65536},
                     "CONFIG: it gives no rotation: scheme: all heads have at most 1048576 channels, got 4294967296",
                     "--weights", file)
        file = self.weights({"pos_frequencies": (np.float32, [3, 2, 4], learned[:24])})
        self.refuses(mochi, f"cannot read {file}: pos_frequencies must have the shape [3, 3, 4] (axis,head,pair), "
                     "got [3, 2, 4]", "--weights", file)

    def test_rotate_takes_them_too(self):
        config = self.folder / "config.json"
        config.write_text(json.dumps({"_class_name": "MochiTransformer3DModel", "attention_head_dim": 4,
                                      "num_attention_heads": 2, "num_layers": 1}))
        draw = random.Random(7)
        learned = rounded([draw.gauss(0, 1) for _ in range(3 * 2 * 2)], np.float32)  # axis, head, pair
        file = self.weights({"pos_frequencies": (np.float32, [3, 2, 2], learned)})
        x = rounded([draw.gauss(0, 1) for _ in range(2 * 2 * 4)], np.float32)  # token, head, channel
        places = [[3.0, -1.5, 2.25], [0.0, 4.0, -7.5]]
        source, out = self.folder / "in.safetensors", self.folder / "out.safetensors"
        write(source, {"q": np.array(x, np.float32).reshape(2, 2, 4), "at": np.array(places).T})
        run = self.rotary("rotate", source, "--out", out, "--config", config, "--weights", file, "--positions", "at",
                          "--shape", "thd")
        self.assertEqual(run.returncode, 0, run.stderr)
        file.rename(self.folder / "model.safetensors")
        again = self.rotary("rotate", source, "--out", self.out, "--config", config, "--weights", self.folder, "--positions",
                            "at", "--shape", "thd")
        self.assertEqual(again.returncode, 0, again.stderr)
        self.assertEqual(self.out.read_bytes(), out.read_bytes())
        expected = []
        for token, place in enumerate(places):
            for head in range(2):
                for pair in range(2):
                    angle = math.fsum(p * learned[(axis * 2 + head) * 2 + pair] for axis, p in enumerate(place))
                    at = (token * 2 + head) * 4 + 2 * pair
                    expected += [math.cos(angle) * x[at] - math.sin(angle) * x[at + 1],
                                 math.cos(angle) * x[at + 1] + math.sin(angle) * x[at]]
        for found, wanted in zip(read(out)["q"].flatten(), expected, strict=True):
            self.assertTrue(abs(found - wanted) < 1e-6, (found, wanted))

    def test_rope_vit_mixed_learns_for_each_layer_too(self):
        config = {"architecture": "vit_small_patch16_rope_mixed_224",
                  "model_args": {"embed_dim": 24, "num_heads": 3, "depth": 2}}
        draw = random.Random(6)
        learned = rounded([draw.gauss(0, 1) for _ in range(2 * 2 * 3 * 4)], np.float32)  # axis, layer, head, pair
        for shape in ([2, 2, 3, 4], [2, 2, 12]):  # timm's, naver's
            name = "rope.freqs" if len(shape) == 4 else "freqs"
            groups = self.layers(config, "--weights", self.weights({name: (np.float32, shape, learned)}))
            self.assertEqual([g["layers"] for g in groups], [[0], [1]])
            for layer, head in ((0, 0), (0, 2), (1, 1)):
                angles = [math.fsum(POSITION[x] * learned[((x * 2 + layer) * 3 + head) * 4 + j] for x in range(2))
                          for j in range(4)]
                self.expect(groups[layer], interleaved(8), twice(angles), head)
        path, run = self.run_inspect(config)
        self.fails(run, 3, f"cannot read {path} as timm's: it is of the family timm_rope_vit_mixed, whose frequencies are "
                   "learned: give the checkpoint that holds rope.freqs by --weights")

    def test_old_buffers_do_not_count(self):
        """The first checkpoints of Llama and GPT-NeoX hold inv_freq, rounded to f16; their code computes it."""
        for config, name in (({"model_type": "llama", "head_dim": 64, "num_hidden_layers": 2},
                              "model.layers.{}.self_attn.rotary_emb.inv_freq"),
                             ({"model_type": "gpt_neox", "hidden_size": 512, "num_attention_heads": 8, "rotary_pct": 1.0,
                               "num_hidden_layers": 2}, "gpt_neox.layers.{}.attention.rotary_emb.inv_freq")):
            stored = (np.float16, [32], times(3, spectrum(64)))
            file = self.weights({name.format(layer): stored for layer in (0, 1)}, "model.safetensors")
            (group,) = self.layers(config)  # beside its checkpoint
            self.expect(group, half(64), tiled(times(7, spectrum(64))))
            self.refuses(config, f"CONFIG: it is of the family {config['model_type']}, whose code computes its frequencies "
                         "from the config: leave out --weights", "--weights", file)

    def test_weights_that_do_not_fit(self):
        name, ones = "rotary_embeddings.inv_freq", (np.float16, [16], [1.0] * 16)
        cases = [({f"a.{name}": ones, f"b.{name}": ones}, f"two tensors may be {name}: a.{name} and b.{name}"),
                 ({name: (np.float32, [16], [math.nan] * 16)}, f"{name} must be finite, got nan at 0"),
                 ({name: (np.int64, [16], [1] * 16)}, f"{name} must be f64, f32, bf16 or f16, got i64"),
                 ({name: (np.float16, [8], [1.0] * 8)}, f"{name} must have the shape [16] (frequencies), got [8]"),
                 ({"inv_freq": ones}, f"it has no tensor encoder.layer.0.attention.self.{name} or {name}")]
        for tensors, sentence in cases:
            file = self.weights(tensors)
            self.refuses(self.ESM, f"cannot read {file}: {sentence}", "--weights", file)
        self.refuses({"model_type": "llama", "head_dim": 64}, "CONFIG: it is of the family llama, whose code computes its "
                     "frequencies from the config: leave out --weights", "--weights", file)
        _, run = self.run_inspect(self.ESM, "--weights", file, "--weights", file)
        self.fails(run, 2, "inspect: there are more --weights (2) than configs (1)")


if __name__ == "__main__":
    unittest.main()
