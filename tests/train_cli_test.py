"""`rotary train` and `rotary evaluate` as a person meets them: what they print, and one sentence with the right exit code
(2 wrong usage, 3 a bad file, 1 the rest) for everything that can be wrong, with nothing half-written.

Usage: train_cli_test.py PROGRAM
"""

import json
import math
import resource
import shutil
import signal
import unittest

from cli_case import CliCase

TINY = ["--layers", "1", "--model-dim", "16", "--heads", "2", "--context", "16", "--batch", "2", "--threads", "1",
        "--evaluation-windows", "4", "--steps", "6", "--checkpoint-every", "2"]
# Half of a head of 8 channels turns, so that checkpoints keep the rotation itself and not its theta.
NEOX = {"model_type": "gpt_neox", "hidden_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1, "rotary_pct": 0.5,
        "rotary_emb_base": 10000, "max_position_embeddings": 16}
YARN = {"rope_type": "yarn", "factor": 2.0, "original_max_position_embeddings": 16}


class TrainCliTest(CliCase):
    def setUp(self):
        super().setUp()
        self.text = self.put("text.txt", "".join(f"the wheel turns {i % 12} times; " for i in range(60)))

    def put(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def train(self, *arguments, **options):
        return self.rotary("train", self.text, "--out", self.out, *arguments, **options)

    def trained(self, *arguments):
        run = self.train(*TINY, *arguments)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run

    def test_prints_json(self):
        result = json.loads(self.trained("--json").stdout)
        self.assertEqual(result["checkpoint"], str(self.out / "step-000006"))
        self.assertEqual(result["steps"], 6)
        self.assertTrue(0 < result["held_out_loss"] < 6)
        self.assertAlmostEqual(result["held_out_bits_per_byte"], result["held_out_loss"] / math.log(2))
        run = self.rotary("evaluate", self.out, self.text, "--context", 32, "--stride", 8, "--json")
        result = json.loads(run.stdout)
        self.assertEqual((result["context"], result["stride"]), (32, 8))
        self.assertEqual(result["targets"], len(self.text.read_text()) - 1)
        self.assertTrue(0 < result["loss"] < 6)

    def test_evaluates_masked_models(self):
        self.trained("--objective", "mlm")
        result = json.loads(self.rotary("evaluate", self.out / "step-000006", self.text, "--json").stdout)
        self.assertEqual(result["scored"], "hidden tokens")
        self.assertTrue(0.1 < result["targets"] / result["bytes"] < 0.2)

    def test_validation_text(self):
        other = self.put("other.txt", "a quite different matter. " * 3)
        self.trained("--validation", other)
        self.fails(self.train("--resume"), 2, "resume: the texts are not those that the run began with")
        self.assertEqual(self.train("--resume", "--validation", other).returncode, 0)

    def test_any_rotation(self):
        rotation = {"head_dim": 8, "attention_factor": 1, "axes": 1, "first": [0, 2], "second": [5, 7],
                    "frequency": [[0.5], [0.001]]}
        file = self.put("rotation.json", json.dumps(rotation))
        losses = []
        for attention in ("softmax", "linear"):
            self.out = self.folder / attention
            options = ["--attention", attention, "--json"]
            losses.append(json.loads(self.trained(*options, "--rotation", file).stdout)["loss"])
            config = json.loads((self.out / "step-000006" / "config.json").read_text())
            self.assertEqual((config["model_type"], config["attention"], config["rotation"]), ("rotary", attention, rotation))
            self.out = self.folder / f"{attention}-theta"
            losses.append(json.loads(self.trained(*options, "--theta", 10000).stdout)["loss"])
        self.assertEqual(len(set(losses)), 4, losses)
        self.out = self.folder / "out"
        file = self.put("rotation.json", json.dumps(rotation | {"attention_factor": 1.5}))
        self.leaves_nothing(self.train(*TINY, "--attention", "linear", "--rotation", file), 2,
                            "linear attention: the attention factor must be 1 (it would scale the numerator and not the "
                            "denominator), got 1.5")

    def config(self, name, *parts):
        return self.put(name, json.dumps({key: value for part in parts for key, value in part.items()}))

    def rotation_of(self, config, *arguments):
        (group,) = json.loads(self.rotary("inspect", config, "--json", *arguments).stdout)["layers"]
        return group["query"]

    def loss(self, checkpoint, *arguments):
        run = self.rotary("evaluate", checkpoint, self.text, "--json", *arguments)
        self.assertEqual((run.returncode, run.stderr.count("warning")), (0, 0), run.stderr)
        return json.loads(run.stdout)["loss"]

    def with_rotation(self, checkpoint, rotation):
        """A copy of the checkpoint whose config.json holds another rotation: what --rope-config must come to."""
        other = self.folder / "other"
        shutil.rmtree(other, ignore_errors=True)
        shutil.copytree(checkpoint, other)
        config = json.loads((other / "config.json").read_text())
        self.assertEqual(config["model_type"], "rotary")
        (other / "config.json").write_text(json.dumps(config | {"rotation": rotation}))
        return other

    def test_trains_with_the_rotation_of_a_config(self):
        config = self.config("neox.json", NEOX)
        rotation = self.put("rotation.json", json.dumps(self.rotation_of(config)))
        losses = []
        for name, arguments in [("a", ["--rope-config", config]), ("b", ["--rotation", rotation]), ("c", [])]:
            self.out = self.folder / name
            losses.append(json.loads(self.trained("--json", *arguments).stdout)["loss"])
        self.assertEqual(losses[0], losses[1])
        self.assertNotEqual(losses[0], losses[2])
        self.out = self.folder / "a"
        written = json.loads((self.out / "step-000006" / "config.json").read_text())["rotation"]
        self.assertEqual(written, self.rotation_of(config))
        self.assertEqual(self.train("--resume", "--rope-config", config).returncode, 0)
        other = self.config("other.json", NEOX, {"rotary_emb_base": 500})
        run = self.train("--resume", "--rope-config", other)
        self.assertEqual(run.returncode, 2)
        self.assertTrue(run.stderr.startswith("resume: the run began with rotation {"), run.stderr)

        # Rules that ask for the length get the context; --layout helps where the family is unknown.
        dynamic = self.config("dynamic.json", NEOX, {"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}})
        unknown = self.config("unknown.json", NEOX, {"model_type": "gpt_nox"})
        for name, arguments, want in [
                ("d", ["--rope-config", dynamic], self.rotation_of(dynamic, "--length", 16)),
                ("e", ["--rope-config", dynamic, "--context", 24], self.rotation_of(dynamic, "--length", 24)),
                ("f", ["--rope-config", dynamic, "--length", 64], self.rotation_of(dynamic, "--length", 64)),
                ("g", ["--rope-config", unknown, "--layout", "interleaved"],
                 self.rotation_of(unknown, "--layout", "interleaved"))]:
            self.out = self.folder / name
            self.trained(*arguments, "--steps", 1)
            self.assertEqual(json.loads((self.out / "step-000001" / "config.json").read_text())["rotation"], want, name)
        self.assertNotEqual(self.rotation_of(dynamic, "--length", 24), self.rotation_of(dynamic, "--length", 64))

    def test_stretches_a_model(self):
        neox = self.config("neox.json", NEOX)
        self.trained("--rope-config", neox)
        checkpoint = self.out / "step-000006"
        own = self.loss(checkpoint, "--context", 32)
        self.assertEqual(self.loss(checkpoint, "--context", 32, "--rope-config", neox), own)

        linear = self.config("linear.json", NEOX, {"rope_scaling": {"rope_type": "linear", "factor": 2.0}})
        rotation = self.rotation_of(neox)
        halved = rotation | {"frequency": [[w / 2 for w in axes] for axes in rotation["frequency"]]}
        other = self.loss(self.with_rotation(checkpoint, halved), "--context", 32)
        self.assertEqual(self.loss(checkpoint, "--context", 32, "--rope-config", linear), other)
        self.assertNotEqual(own, other)

        yarn = self.config("yarn.json", NEOX, {"rope_scaling": YARN, "max_position_embeddings": 32})
        rotation = self.rotation_of(yarn)
        self.assertAlmostEqual(rotation["attention_factor"], 1 + 0.1 * math.log(2), places=14)
        stretched = self.loss(checkpoint, "--context", 32, "--rope-config", yarn)
        self.assertEqual(stretched, self.loss(self.with_rotation(checkpoint, rotation), "--context", 32))
        without = self.with_rotation(checkpoint, rotation | {"attention_factor": 1})
        self.assertNotEqual(stretched, self.loss(without, "--context", 32))

        dynamic = self.config("dynamic.json", NEOX, {"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}})
        stretch = ["--context", 32, "--rope-config", dynamic]
        self.assertEqual(self.loss(checkpoint, *stretch), self.loss(checkpoint, *stretch, "--length", 32))
        self.assertEqual(self.loss(checkpoint, *stretch, "--length", 16), own)
        self.assertNotEqual(self.loss(checkpoint, *stretch), own)

    def test_stretches_a_llama_by_its_own_config(self):
        self.trained()
        config = json.loads((self.out / "step-000006" / "config.json").read_text())
        self.assertEqual(config["model_type"], "llama")
        own = self.loss(self.out, "--context", 32)
        file = self.out / "step-000006" / "config.json"
        self.assertEqual(self.loss(self.out, "--context", 32, "--rope-config", file), own)
        del config["rope_theta"]
        yarn = self.config("yarn.json", config, {"rope_parameters": {"rope_theta": 10000.0, **YARN}, "max_position_embeddings": 32})
        self.assertNotEqual(self.loss(self.out, "--context", 32, "--rope-config", yarn), own)

    def test_configs_that_are_not_one_rotation(self):
        llama = {"model_type": "llama", "head_dim": 8, "num_hidden_layers": 2, "max_position_embeddings": 16}
        name = self.folder / "config.json"
        self.trained()
        checkpoint, self.out = self.out, self.folder / "none"
        for config, sentence in [
                ({"model_type": "gemma3_text", "head_dim": 8, "num_hidden_layers": 6, "sliding_window": 8,
                  "sliding_window_pattern": 6, "max_position_embeddings": 16},
                 f"{name}: its layers rotate in several ways (0-4: sliding_attention; 5: full_attention), those of this "
                 "model all alike"),
                ({"model_type": "smollm3", "head_dim": 8, "num_hidden_layers": 4, "no_rope_layers": [1, 1, 1, 0],
                  "max_position_embeddings": 16},
                 f"{name}: its layers rotate in several ways (0-2: rope; 3: nope unrotated), those of this model all "
                 "alike"),
                ({"general.architecture": "jamba", "jamba.block_count": 2, "jamba.embedding_length": 16,
                  "jamba.attention.head_count": 2},
                 f"{name}: its layers do not rotate (NoPE)"),
                ({"model_type": "deepseek_v3", "num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 16,
                  "qk_rope_head_dim": 4, "qk_nope_head_dim": 4, "max_position_embeddings": 16},
                 f"{name}: its queries and keys rotate differently, those of this model alike"),
                ({**llama, "head_dim": 128}, "model: the rotation must be of 8 channels, got 128")]:
            self.put("config.json", json.dumps(config))
            command = "" if sentence.startswith("model") else "train: "
            self.leaves_nothing(self.train(*TINY, "--rope-config", name), 2, command + sentence)
            command = command and "evaluate: "
            self.fails(self.rotary("evaluate", checkpoint, self.text, "--rope-config", name), 2, command + sentence)
        self.put("config.json", json.dumps(llama))
        rotation = self.put("rotation.json", json.dumps(self.rotation_of(name)))
        for arguments, sentence in [
                (["--rope-config", name, "--theta", 5], "--theta excludes --rope-config"),
                (["--rope-config", name, "--rotation", rotation], "--rotation excludes --rope-config"),
                (["--length", 5], "--length requires --rope-config"),
                (["--rope-config", name, "--encoding", "none"], "train: a rotation is for the encoding rotary, got none")]:
            self.leaves_nothing(self.train(*TINY, *arguments), 2, sentence)
        self.leaves_nothing(self.train(*TINY, "--rope-config", self.folder / "missing.json"), 3,
                            f"cannot read {self.folder / 'missing.json'}: no such file or folder")
        self.trained("--encoding", "none")
        self.fails(self.rotary("evaluate", self.out, self.text, "--rope-config", name), 2,
                   "model: a rotation is for the encoding rotary, this model has none")

    def test_texts(self):
        missing = self.folder / "missing.txt"
        empty = self.put("empty.txt", "")
        short = self.put("short.txt", "too short")
        for path, sentence in [
                (missing, f"cannot read {missing}: no such file or folder"),
                (empty, f"cannot read {empty}: the file is empty"),
                (self.folder, f"cannot read {self.folder}: it is a folder"),
                (short, f"{short}: too short: 9 tokens, training with a context of 16 tokens and 0.1 of the text held "
                        "out needs at least 170")]:
            self.leaves_nothing(self.rotary("train", path, "--out", self.out, *TINY), 3, sentence)
        self.leaves_nothing(self.train(*TINY, "--validation", short), 3,
                            f"{short}: too short: 9 tokens, held-out text with a context of 16 tokens needs at least 17")
        self.leaves_nothing(self.train(*TINY, "--context", 5000), 3,
                            f"{self.text}: too short: {len(self.text.read_text())} tokens, training with a context of "
                            "5000 tokens and 0.1 of the text held out needs at least 50010")

    def test_options(self):
        for arguments, sentence in [
                (["--encoding", "spiral"],
                 'encoding must be one of rotary, sinusoidal, learned, alibi, none, got "spiral"'),
                (["--objective", "mask"], 'objective must be one of causal, mlm, got "mask"'),
                (["--heads", 3], "model: model_dim must be a multiple of heads, got model_dim 16 and 3 heads"),
                (["--kv-heads", 3], "model: heads must be a multiple of kv_heads, got 2 heads and 3 kv_heads"),
                (["--rotary-fraction", 0.3],
                 "train: rotary_fraction 0.3 of 8 channels is no whole number of them (2.4)"),
                (["--rotary-fraction", 0.375], "rotation: rotary_dim must be even and at most head_dim (8), got 3"),
                (["--attention", "linear", "--encoding", "alibi"],
                 "model: ALiBi adds to scores, and linear attention has none; use softmax attention"),
                (["--steps", 0], "schedule: steps must be at least 1, got 0"),
                (["--dropout", 1], "train: dropout must be at least 0 and below 1, got 1"),
                (["--lr", "nan"], "--lr must be a number, got nan"),
                (["--context", 0], "train: context must be at least 1, got 0"),
                (["--held-out", 1.5], "train: the held-out fraction must lie between 0 and 1, got 1.5")]:
            with self.subTest(arguments):
                self.leaves_nothing(self.train(*TINY, *arguments), 2, sentence)
        rotation = self.put("rotation.json", '{"head_dim": 6}')
        self.assertEqual(self.train(*TINY, "--rotation", rotation).returncode, 3)
        self.assertEqual(self.train(*TINY, "--no-such-flag").returncode, 2)
        self.assertFalse(self.out.exists())

    def test_resuming_what_is_not_there_or_not_the_same(self):
        self.leaves_nothing(self.train("--resume"), 3,
                            f"cannot resume {self.out}: it holds no finished step; leave out --resume")
        self.trained()
        self.fails(self.train(*TINY), 2,
                   f"train: {self.out} holds a run already: go on with --resume, or choose another --out")
        self.fails(self.train("--resume", "--dropout", 0.5), 2,
                   "resume: the run began with dropout 0.0, got 0.5; only evaluate_every, checkpoint_every, keep, "
                   "threads may change")
        self.put("text.txt", self.text.read_text().replace("wheel", "wheal"))
        self.fails(self.train("--resume"), 2, "resume: the texts are not those that the run began with")

    def test_out_that_cannot_be_a_folder(self):
        self.out.write_text("a file")
        self.assertEqual(self.train(*TINY).returncode, 3)
        self.assertEqual(self.out.read_text(), "a file")

    def test_damaged_checkpoints(self):
        self.trained()
        step = self.out / "step-000006"
        for name, length in [("model.safetensors", 1000), ("config.json", 20)]:
            whole = (step / name).read_bytes()
            (step / name).write_bytes(whole[:length])
            for command in (self.train("--resume"), self.rotary("evaluate", self.out, self.text)):
                self.assertEqual(command.returncode, 3)
                self.assertTrue(command.stderr.startswith(f"cannot read {step / name}: "), command.stderr)
            (step / name).write_bytes(whole)
        (self.out / "latest").write_text("step-000007\n")
        self.fails(self.train("--resume"), 3,
                   f"cannot read {self.out / 'step-000007'}: there is no such step, but latest names it")

    def test_a_loss_that_is_no_number_keeps_the_last_good_step(self):
        run = self.train(*TINY, "--lr", "1e300")
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertRegex(run.stderr.splitlines()[-1],
                         r"^train: step \d of 6 .*; no step was saved; a lower --lr may help$")
        self.assertEqual(list(self.out.iterdir()), [])

        self.trained("--keep", 5)
        (self.out / "latest").write_text("step-000002\n")
        record = self.out / "step-000002" / "training.json"
        options = json.loads(record.read_text())
        options["options"]["lr"] = 1e300
        record.write_text(json.dumps(options))
        run = self.train("--resume", "--checkpoint-every", 1)
        self.assertEqual(run.returncode, 1, run.stderr)
        self.assertRegex(run.stderr.splitlines()[-1],
                         rf"^train: step 3 of 6 .*; the last good step is {self.out}/step-000002; a lower --lr may help$")
        self.assertEqual((self.out / "latest").read_text(), "step-000002\n")

    def test_a_full_disk_leaves_the_run_as_it_was(self):
        self.trained("--steps", 3, "--checkpoint-every", 3)
        before = sorted(path.name for path in self.out.iterdir())

        def fill():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

        shutil.rmtree(self.folder / "full", ignore_errors=True)
        run = self.rotary("train", self.text, "--out", self.folder / "full", *TINY, preexec_fn=fill, restore_signals=False)
        self.assertEqual(run.returncode, 3, run.stderr)
        self.assertRegex(run.stderr.splitlines()[-1], "^cannot write .*: File too large$")
        self.assertEqual(list((self.folder / "full").iterdir()), [])
        self.assertEqual(sorted(path.name for path in self.out.iterdir()), before)


if __name__ == "__main__":
    unittest.main()
