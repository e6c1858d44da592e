"""A rotation as a config asks for it: which channels turn, how fast, on which axis."""

from dataclasses import dataclass, field

import numpy as np

import spectra

OTHER_LAYOUT = {"half": "interleaved", "interleaved": "half"}


@dataclass(frozen=True, eq=False)
class Rope:
    head_dim: int
    rotary_dim: int               # of proportional: the whole head
    layout: str = "half"          # or interleaved
    offset: int = 0
    theta: float = 10000.0
    rule: str = "default"         # a name of spectra.RULES
    scaling: dict = field(default_factory=dict)  # the arguments of the rule
    length: int = 1               # tokens of the text, for rules that ask
    denominator: int = None       # of the exponents; nothing: rotary_dim
    sections: tuple = None        # pairs on each axis; nothing: one axis
    section_order: str = "contiguous"  # or interleaved

    @property
    def pairs(self):
        return self.rotary_dim // 2

    def channels(self, layout=None):
        """First and second channel of each pair."""
        i = np.arange(self.pairs)
        if (layout or self.layout) == "half":
            return self.offset + i, self.offset + self.pairs + i
        return self.offset + 2 * i, self.offset + 2 * i + 1

    def spectrum(self):
        """Radians per position of each pair, and the attention factor."""
        if self.denominator:
            assert self.rule == "default"
            return spectra.powers(self.theta, self.rotary_dim, self.denominator), 1.0
        return spectra.RULES[self.rule](self.theta, self.rotary_dim, **{**self.scaling, "length": self.length})

    def axis(self):
        """Of each pair."""
        i = np.arange(self.pairs)
        if not self.sections:
            return np.zeros(self.pairs, int)
        if self.section_order == "contiguous":
            return np.repeat(np.arange(len(self.sections)), self.sections)
        return np.where((i % 3 > 0) & (i < 3 * np.take(self.sections, i % 3)), i % 3, 0)

    def axes(self):
        return len(self.sections) if self.sections else 1

    def frequency(self):
        """[pairs, axes]"""
        frequency = np.zeros((self.pairs, self.axes()))
        frequency[np.arange(self.pairs), self.axis()] = self.spectrum()[0]
        return frequency
