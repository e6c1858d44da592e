"""Tables of angles as published code builds them (concatenated, tiled, repeated), and a test case that holds what `rotary
inspect` says against them: which two channels a pair has, and the angle of each at POSITION.
"""

import json
import math

from cli_case import CliCase

POSITION = [7.0, -3.0, 12.0, 100.0]


def spectrum(dim, theta=1e4):
    return [theta ** (-i / dim) for i in range(0, dim, 2)]


def times(factor, numbers):
    return [factor * number for number in numbers]


def blocks(dims, theta=1e4):
    """The angles of each axis's block, one after the other."""
    return [angle for dim, p in zip(dims, POSITION) for angle in times(p, spectrum(dim, theta))]


def twice(angles):
    return [angle for angle in angles for _ in range(2)]


def tiled(angles):
    return angles + angles


def interleaved(dim):
    return [channel ^ 1 for channel in range(dim)]


def half(dim):
    return [(channel + dim // 2) % dim for channel in range(dim)]


def angles_of(rotation, head):
    """The partner of each channel and the angle it turns by; a channel without a pair has itself and 0."""
    dim = rotation["head_dim"]
    partner, angle = list(range(dim)), [0.0] * dim
    frequency = rotation["frequency"]
    if "heads" in rotation:
        frequency = frequency[head]
    second = rotation.get("second_frequency", frequency)
    for a, b, one, other in zip(rotation["first"], rotation["second"], frequency, second):
        partner[a], partner[b] = b, a
        angle[a] = math.fsum(w * p for w, p in zip(one, POSITION))
        angle[b] = math.fsum(w * p for w, p in zip(other, POSITION))
    return partner, angle


class ModelCase(CliCase):
    def run_inspect(self, config, *arguments):
        path = self.folder / "config.json"
        path.write_text(json.dumps(config))
        return path, self.rotary("inspect", path, *arguments)

    def layers(self, config, *arguments):
        _, run = self.run_inspect(config, "--json", *arguments)
        self.assertEqual(run.returncode, 0, run.stderr)
        return json.loads(run.stdout)["layers"]

    def refuses(self, config, sentence, *arguments):
        path, run = self.run_inspect(config, *arguments)
        self.fails(run, 3, sentence.replace("CONFIG", f"cannot read {path}"))

    def close(self, found, expected):
        self.assertEqual(len(found), len(expected))
        for c, (x, y) in enumerate(zip(found, expected)):
            self.assertTrue(abs(x - y) <= 1e-13 * (1 + abs(y)), (c, x, y))

    def expect(self, group, partner, angles, head=0):
        rotation = group["query"]
        self.assertEqual(rotation, group["key"])
        found_partner, found = angles_of(rotation, head)
        self.assertEqual(found_partner, partner)
        self.close(found, angles)
