"""`rotary doctor` on what real code computed (fixtures/): with the config it came from it finds the rotation and nothing
wrong with it, but for what the code does on purpose; with a config that is not its own it says in which way.

Usage: fixtures_test.py PROGRAM
"""

import json
import sys
import unittest
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "fixtures"
sys.path.insert(0, str(FOLDER.parent.parent))
from cli_case import CliCase  # noqa: E402

# Engines round tables to the dtype of the model, and leave channels of latent attention in another order in q and k alike.
ON_PURPOSE = {"none-found", "tables-rounded", "channels-permuted"}


class FixturesTest(CliCase):
    def ask(self, entry, config, layer):
        path = self.folder / "config.json"
        path.write_text(json.dumps(config))
        run = self.rotary("doctor", FOLDER / f"{entry['name']}.safetensors", "--before", "before", "--after", "after",
                          "--positions", "positions", "--shape", "bhtd", "--config", path, "--json",
                          *([] if layer is None else ["--layer", layer]))
        self.assertIn(run.returncode, (0, 4), run.stderr)
        answer = json.loads(run.stdout)
        faults = {finding["code"] for finding in answer["findings"] if finding["severity"] == "fault"}
        self.assertEqual(run.returncode, 4 if faults else 0)
        return answer, faults, {finding["code"] for finding in answer["findings"]}

    def test_all(self):
        entries = json.loads((FOLDER / "fixtures.json").read_text())
        self.assertEqual({path.stem for path in FOLDER.glob("*.safetensors")}, {entry["name"] for entry in entries})
        for entry in entries:
            with self.subTest(entry["name"]):
                answer, faults, codes = self.ask(entry, entry["config"], entry.get("layer"))
                self.assertLessEqual(faults, set(entry["codes"]), answer["verdict"])
                self.assertLessEqual(set(entry["codes"]), codes, answer["verdict"])
                self.assertLessEqual(codes - set(entry["codes"]), ON_PURPOSE, answer["verdict"])
                for key, wanted in entry["finds"].items():
                    if isinstance(wanted, float):
                        self.assertTrue(abs(answer[key] - wanted) <= 0.01 * wanted, (key, answer[key], wanted))
                    else:
                        self.assertEqual(answer[key], wanted, key)
            with self.subTest(entry["name"] + " with another config"):
                answer, faults, codes = self.ask(entry, entry["wrong_config"], entry.get("wrong_layer", entry.get("layer")))
                self.assertLessEqual(set(entry["wrong_codes"]), codes, answer["verdict"])
                self.assertLessEqual(faults, set(entry["wrong_codes"]), answer["verdict"])


if __name__ == "__main__":
    unittest.main()
