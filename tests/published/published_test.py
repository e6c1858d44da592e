"""`rotary inspect` on configs as published models write them, against expected.json: layers, layout, span, axes and
attention factors the same, frequencies within 1e-13 of those that make_expected.py computed with 60 digits. Neither it nor
`rotary rotate` takes long on any of them."""

import json
import os
import resource
import sys
import time
import unittest

import numpy as np

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(FOLDER))
from cli_case import CliCase  # noqa: E402
import rotation_oracle  # noqa: E402

# Of the processor, in seconds: some twenty times what is needed.
LIMIT = 0.5


def load(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return json.load(file)


class PublishedTest(CliCase):
    def groups(self, config, length):
        path = self.folder / "config.json"
        path.write_text(json.dumps(config))
        run = self.rotary("inspect", path, "--json", *(["--length", length] if length else []))
        self.assertEqual(run.returncode, 0, run.stderr)
        # By (part, layer).
        found = {}
        for group in json.loads(run.stdout)["layers"]:
            for layer in group["layers"] or [None]:
                found[group["part"], layer] = group
        return found

    def check(self, expected, actual):
        if not expected.get("rotates", True):
            self.assertIsNone(actual["query"])
            return
        rotation = actual["query"]
        axes = expected["axes"]
        layout = {"half_per_axis": "half"}.get(expected["layout"], expected["layout"])
        self.assertEqual(actual["layout"], layout)
        self.assertEqual(rotation["head_dim"], expected["head_dim"])
        self.assertEqual(actual["offset"], expected["offset"])
        self.assertEqual([rotation["first"][0], rotation["second"][0]], expected["first_pair"])
        self.assertEqual(rotation["axes"], axes)
        self.assertEqual(len(rotation["frequency"]), len(expected["frequency"]))
        for pair, (numbers, wanted) in enumerate(zip(rotation["frequency"], expected["frequency"])):
            axis = expected["axis"][pair] if axes > 1 else 0
            for x, number in enumerate(numbers):
                target = wanted if x == axis else 0
                self.assertTrue(abs(number - target) <= 1e-13 * abs(target), (pair, x, number, target))
        for actual_factor, wanted in ((rotation["attention_factor"], expected["attention_factor"]),
                                      (actual["softmax_multiplier"], expected["softmax_multiplier"])):
            self.assertTrue(abs(actual_factor / wanted - 1) <= 1e-13, (actual_factor, wanted))

    def test_all(self):
        configs = {row["model"]: row["config"] for row in load("configs.json")}
        expected = load("expected.json")
        self.assertGreaterEqual(len(expected), 45)
        for model in expected:
            for case in model["cases"]:
                found = self.groups(configs[model["model"]], case.get("length"))
                for group in case["groups"]:
                    for layer in group["layers"] or [None]:
                        with self.subTest(model=model["model"], part=group["part"], layer=layer,
                                          length=case.get("length")):
                            self.check(group, found[group["part"], layer])

    def timed(self, times, *arguments):
        """Runs the program, up to three times where that takes the processor too long; adds to `times` by the clock."""
        for _ in range(3):
            before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            run = self.rotary(*arguments)
            seconds, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
            self.assertEqual(run.returncode, 0, run.stderr)
            processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            if processor < LIMIT:
                times.append(seconds)
                return run
        self.fail(f"{arguments} took {processor} s")

    def test_time(self):
        path, file = self.folder / "config.json", self.folder / "qk.safetensors"
        inspect, rotate = [], []
        for model in load("configs.json"):
            path.write_text(json.dumps(model["config"]))
            groups = json.loads(self.timed(inspect, "inspect", path, "--json").stdout)["layers"]
            for group in [group for group in groups if group["query"]][:1]:
                rotation_oracle.write(file, {name: np.ones((64, 8, group[side]["head_dim"]), np.float32)
                                             for name, side in (("q", "query"), ("k", "key"))})
                self.timed(rotate, "rotate", file, "--config", path, "--out", self.out, "--part", group["part"],
                           "--layer", group["layers"][0])
        for name, times in (("inspect", inspect), ("rotate", rotate)):
            print(f"{name}: {len(times)} configs, {1e3 * min(times):.0f} to {1e3 * max(times):.0f} ms")


if __name__ == "__main__":
    unittest.main()
