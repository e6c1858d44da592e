"""`rotary inspect` on configs of image, video and audio models as diffusers, timm, transformers and lucidrains' code take
them, against tables of angles built as the published code builds them."""

import math
import unittest

from angle_tables import (POSITION, ModelCase, blocks, half, interleaved, spectrum, tiled, times, twice)


class ImageModelsTest(ModelCase):
    def test_blocks_of_channels_for_each_axis(self):
        flux = {"_class_name": "FluxTransformer2DModel", "attention_head_dim": 128, "num_layers": 19,
                "num_single_layers": 38, "num_attention_heads": 24}
        hunyuan = {"_class_name": "HunyuanVideoTransformer3DModel", "attention_head_dim": 128, "num_layers": 20,
                   "num_attention_heads": 24, "num_single_layers": 40, "rope_axes_dim": [16, 56, 56],
                   "rope_theta": 256.0}
        wan = {"_class_name": "WanTransformer3DModel", "attention_head_dim": 128, "num_layers": 30,
               "num_attention_heads": 12, "rope_max_seq_len": 1024}
        cases = [
            (flux, 57, [16, 56, 56], 1e4),
            ({**flux, "_class_name": "Flux2Transformer2DModel", "num_layers": 8, "num_single_layers": 48,
              "axes_dims_rope": [32, 32, 32, 32], "rope_theta": 2000}, 56, [32] * 4, 2000),
            (hunyuan, 60, [16, 56, 56], 256),
            (wan, 30, [44, 42, 42], 1e4),
            ({"_class_name": "QwenImageTransformer2DModel", "attention_head_dim": 128, "num_layers": 60,
              "axes_dims_rope": [16, 56, 56]}, 60, [16, 56, 56], 1e4),
            ({"_class_name": "Lumina2Transformer2DModel", "hidden_size": 2304, "num_attention_heads": 24,
              "num_layers": 26, "axes_dim_rope": [32, 32, 32], "axes_lens": [300, 512, 512]}, 26, [32] * 3, 1e4),
            ({"_class_name": "CogVideoXTransformer3DModel", "attention_head_dim": 64, "num_layers": 42,
              "num_attention_heads": 48, "use_rotary_positional_embeddings": True}, 42, [16, 24, 24], 1e4),
            ({"_class_name": "ZImageTransformer2DModel", "dim": 3840, "n_heads": 30, "n_layers": 30,
              "axes_dims": [32, 48, 48], "rope_theta": 256.0}, 30, [32, 48, 48], 256)]
        for config, count, dims, theta in cases:
            with self.subTest(config["_class_name"]):
                (group,) = self.layers(config)
                self.assertEqual(group["layers"], list(range(count)))
                self.assertEqual(group["layout"], "interleaved")
                self.expect(group, interleaved(sum(dims)), twice(blocks(dims, theta)))
        _, run = self.run_inspect(hunyuan)
        self.assertIn("  axes              frame, y, x", run.stdout.splitlines())
        self.assertIn("    pair  56  x      0.0190470883469449", run.stdout)
        (still,) = self.layers({**cases[6][0], "use_rotary_positional_embeddings": False})
        self.assertIsNone(still["query"])

    def test_cosmos_stretches_each_axis(self):
        dims, scale = [44, 42, 42], [1.0, 4.0, 3.0]
        config = {"_class_name": "CosmosTransformer3DModel", "attention_head_dim": 128, "num_layers": 28,
                  "num_attention_heads": 16, "rope_scale": scale}
        angles = [x * w for d, s, x in zip(dims, scale, POSITION) for w in spectrum(d, 1e4 * s ** (d / (d - 2)))]
        (group,) = self.layers(config)
        self.assertEqual((group["part"], group["layout"]), ("video", "half"))
        self.expect(group, half(128), tiled(angles))
        self.refuses({**config, "rope_scale": [1.0, 4.0]},
                     "CONFIG: rope_scale must be an array of 3, got an array of 2")
        self.refuses({**config, "rope_scale": [1.0, 4.0, 0]},
                     "CONFIG: it gives no rotation: rope rule ntk-alpha: alpha must be positive and finite, got 0")

    def test_ltx_has_one_list_of_angles_for_all_heads(self):
        def angles(inner, axes):
            count = inner // (2 * axes)
            band = [math.pi / 2 * 1e4 ** (k / (count - 1)) for k in range(count)]
            list_of_all = [w * p for w in band for p in POSITION[:axes]]  # axes alternate
            return [0.0] * (inner // 2 - len(list_of_all)) + list_of_all

        ltx = {"_class_name": "LTXVideoTransformer3DModel", "attention_head_dim": 64, "num_attention_heads": 32,
               "num_layers": 28}
        (group,) = self.layers(ltx)
        self.assertEqual(group["query"]["heads"], 32)
        for head in (0, 1, 31):
            self.expect(group, interleaved(64), twice(angles(2048, 3)[32 * head:32 * head + 32]), head)
        ltx2 = {"_class_name": "LTX2VideoTransformer3DModel", "attention_head_dim": 128, "num_attention_heads": 32,
                "audio_attention_head_dim": 64, "audio_num_attention_heads": 32, "num_layers": 48,
                "rope_type": "split", "rope_double_precision": True, "rope_theta": 10000.0}
        audio, cross, video = self.layers(ltx2)
        self.assertEqual([g["part"] for g in (audio, cross, video)], ["audio", "audio_video", "video"])
        self.assertEqual(video["layout"], "half")
        self.expect(video, half(128), tiled(angles(4096, 3)[64 * 5:64 * 6]), 5)
        for group in (audio, cross):
            self.expect(group, half(64), tiled(angles(2048, 1)[32 * 7:32 * 8]), 7)
        self.refuses({**ltx2, "rope_type": "halves"},
                     "CONFIG: rope_type must be interleaved or split, got halves")

    def test_allegro_halves_each_third(self):
        config = {"_class_name": "AllegroTransformer3DModel", "attention_head_dim": 96, "num_layers": 32}
        (group,) = self.layers(config)
        angles = [angle for x in POSITION[:3] for angle in tiled(times(x, spectrum(32)))]
        self.expect(group, [32 * i + c for i in range(3) for c in half(32)], angles)

    def test_mismatches_are_said_aloud(self):
        ernie = {"_class_name": "ErnieImageTransformer2DModel", "hidden_size": 3072, "num_attention_heads": 24,
                 "num_layers": 24, "rope_axes_dim": [32, 48, 48], "rope_theta": 256}
        (group,) = self.layers(ernie)
        self.assertEqual(group["layout"], "other")
        self.expect(group, half(128), twice(blocks([32, 48, 48], 256)))
        vjepa = {"model_type": "vjepa2", "hidden_size": 1024, "num_attention_heads": 16, "num_hidden_layers": 24}
        (group,) = self.layers(vjepa)
        angles = [angle for x in POSITION[:3] for angle in tiled(times(x, spectrum(20)))] + [0.0] * 4
        self.expect(group, interleaved(60) + [60, 61, 62, 63], angles)
        for config in (ernie, vjepa):
            _, run = self.run_inspect(config)
            name = config.get("model_type", "ernie_image")
            for line in ("  angles            two for each pair, one for each channel: not a rotation",
                         f"warning: {name} turns the two channels of a pair by different angles, as it was trained: "
                         "this is no rotation, and nothing inverts or shifts it"):
                self.assertIn(line, run.stdout.splitlines())

    def test_memory_attention_of_sam2(self):
        config = {"model_type": "sam2_video", "memory_attention_hidden_size": 256, "memory_attention_num_layers": 4,
                  "memory_attention_num_attention_heads": 1, "memory_attention_downsample_rate": 1,
                  "memory_attention_rope_theta": 10000, "memory_attention_rope_feat_sizes": [64, 64],
                  "memory_attention_rope_dropout": 0.1}
        for rate, dim in ((1, 256), (4, 64)):
            (group,) = self.layers({**config, "memory_attention_downsample_rate": rate})
            self.assertEqual(group["layers"], [0, 1, 2, 3])
            self.expect(group, interleaved(dim), twice(blocks([dim // 2, dim // 2])))
        self.refuses({**config, "memory_attention_downsample_rate": 0},
                     "CONFIG: memory_attention_downsample_rate must be at least 1")

    def test_parts_of_wrappers(self):
        minimax = {"model_type": "minimax_m3_vl",
                   "text_config": {"head_dim": 128, "num_hidden_layers": 2, "rotary_dim": 64,
                                   "partial_rotary_factor": 0.5},
                   "vision_config": {"model_type": "clip_vision_model", "hidden_size": 1280, "num_attention_heads": 16,
                                     "num_hidden_layers": 32}}
        text, vision = self.layers(minimax)
        self.assertEqual((text["part"], vision["part"], len(vision["layers"])), ("text", "vision", 32))
        self.expect(vision, half(78) + [78, 79], tiled(blocks([26, 26, 26])) + [0.0, 0.0])
        # Step 3.7 by the names of its authors.
        step = {"model_type": "step3p7", "text_config": {"model_type": "step3p5", "head_dim": 128,
                                                         "num_hidden_layers": 1},
                "vision_config": {"width": 1536, "heads": 16, "layers": 47, "use_rope2d": True}}
        vision = next(g for g in self.layers(step) if g["part"] == "vision")
        self.assertEqual(len(vision["layers"]), 47)
        self.expect(vision, interleaved(96), twice(blocks([48, 48])))
        omni = {"model_type": "qwen2_5_omni", "token2wav_config": {"dit_config": {"num_hidden_layers": 22}}}
        (dit,) = self.layers(omni)
        self.expect(dit, interleaved(64), twice(times(7, spectrum(64))), 0)
        self.expect(dit, interleaved(64), [0.0] * 64, 1)

    def test_chatglm_6b_is_another_chatglm(self):
        config = {"model_type": "chatglm", "hidden_size": 4096, "num_attention_heads": 32, "num_layers": 28}
        (group,) = self.layers({**config, "position_encoding_2d": True})
        angles = [angle for x in POSITION[:2] for angle in tiled(times(x, spectrum(64)))]
        self.expect(group, half(64) + [64 + c for c in half(64)], angles)
        (group,) = self.layers({**config, "kv_channels": 128})
        self.expect(group, interleaved(64) + list(range(64, 128)), twice(times(7, spectrum(64))) + [0.0] * 64)

    def test_xpos_of_lucidrains(self):
        def decay(dim, base):
            return [math.log((i + 0.4 * dim) / (1.4 * dim)) / base for i in range(0, dim, 2)]

        palm = {"model_type": "palm", "dim": 512, "depth": 12, "dim_head": 64, "heads": 8}
        (group,) = self.layers(palm)
        self.assertEqual(group["layers"], list(range(12)))
        self.expect(group, half(64), tiled(times(7, spectrum(64))))
        self.close(group["query"]["log_decay"], decay(64, 512))
        (plain,) = self.layers({**palm, "causal": False, "rotary_xpos_scale_base": 300})
        self.assertNotIn("log_decay", plain["query"])
        x = {"model_type": "x_transformers", "dim": 512, "depth": 6, "heads": 8, "rotary_xpos": True,
             "rotary_xpos_scale_base": 256, "rotary_interpolation_factor": 2.0, "rotary_base_rescale_factor": 4.0}
        (group,) = self.layers(x)
        angles = twice(times(7 / 2, spectrum(32, 1e4 * 4 ** (32 / 30)))) + [0.0] * 32
        self.expect(group, interleaved(32) + list(range(32, 64)), angles)
        self.close(group["query"]["log_decay"], decay(32, 256))
        nested = {"model_type": "x_transformers", "num_tokens": 256,
                  "attn_layers": {name: value for name, value in x.items() if name != "model_type"}}
        self.assertEqual(self.layers(nested), self.layers(x))
        self.refuses({**nested, "rotary_xpos": True},
                     "CONFIG: rotary_xpos = true is not used by x_transformers here; to leave it aside: --ignore "
                     "rotary_xpos")
        (still,) = self.layers({"model_type": "x_transformers", "depth": 6})
        self.assertIsNone(still["query"])
        _, run = self.run_inspect(palm, "--length", "1001")
        self.assertIn("a token, from position 500 on", run.stdout)
        self.refuses({**x, "causal": False}, "CONFIG: causal is false, and rotary_xpos is for causal attention")
        self.refuses({**x, "rotary_interpolation_factor": 0.5},
                     "CONFIG: rotary_interpolation_factor must be at least 1, got 0.5")

    def test_timm_names_an_architecture(self):
        config = {"architecture": "eva02_base_patch14_448", "num_classes": 1000, "num_features": 768,
                  "pretrained_cfg": {"tag": "mim_in22k_ft_in22k_in1k", "input_size": [3, 448, 448]}}
        (group,) = self.layers(config)
        self.assertEqual((group["part"], group["layers"], group["layout"]),
                         ("vision", list(range(12)), "interleaved"))
        self.expect(group, interleaved(64), twice(blocks([32, 32])))
        # Another number of heads, another theta.
        (group,) = self.layers({**config, "model_args": {"num_heads": 16, "rope_temperature": 50.0, "img_size": 336}})
        self.expect(group, interleaved(48), twice(blocks([24, 24], 50)))
        for name, dim, depth, theta in (("vit_pe_core_large_patch14_336.fb", 64, 24, 1e4),
                                        ("vit_small_patch16_rope_224", 64, 12, 100)):
            (group,) = self.layers({"architecture": name})
            self.assertEqual(group["layers"], list(range(depth)))
            self.expect(group, interleaved(dim), twice(blocks([dim // 2, dim // 2], theta)))
        (group,) = self.layers({"architecture": "vit_7b_patch16_dinov3"})
        self.assertEqual(group["layout"], "half")
        self.expect(group, half(128), tiled([2 * math.pi * x / 100 ** (2 * j / 64) for x in POSITION[:2] for j in range(32)]))
        (still,) = self.layers({"architecture": "eva_giant_patch14_224"})
        self.assertIsNone(still["query"])
        self.refuses({"architecture": "eva02_base_patch14_440"}, "CONFIG: architecture is not a known architecture of "
                     "timm: eva02_base_patch14_440; did you mean eva02_base_patch14_448?")
        self.refuses({**config, "model_args": {"rope_temprature": 50}},
                     "CONFIG: model_args.rope_temprature = 50 is not a known key of a rotation; did you mean "
                     "rope_temperature?; to leave it aside: --ignore rope_temprature")
        self.refuses({**config, "model_args": {"rope_rotate_half": True}},
                     "CONFIG: model_args.rope_rotate_half does not fit: rope_type cat makes tables for the interleaved "
                     "layout")

    def test_unknown_classes(self):
        self.refuses({"_class_name": "WanTransformer2DModel"},
                     "CONFIG: _class_name is not a known class: WanTransformer2DModel; "
                     "did you mean WanTransformer3DModel?")
        self.refuses({"_class_name": "FluxPipeline"},
                     "CONFIG: _class_name is FluxPipeline: give the config.json of its transformer")


if __name__ == "__main__":
    unittest.main()
