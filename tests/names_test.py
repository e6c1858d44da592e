"""A name of the library means one thing: of the classes and enumerations of a namespace, each is defined in one file. The
linker keeps one of two definitions without a word, and code compiled for the other reads past its end.

Usage: names_test.py CHECKOUT
"""

import collections
import re
import sys
import unittest
from pathlib import Path

CHECKOUT = Path(sys.argv.pop(1)).resolve()
OPENED, CLOSED = re.compile(r"namespace( [\w:]+)? \{"), re.compile(r"\}  // namespace")
DEFINED = re.compile(r"(?:struct|class|enum class) ([A-Z]\w+)( final)?( : [^;]*)? \{")


def names_of(path):
    """The names that the file defines for all others, with their namespaces."""
    inside = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if opened := OPENED.match(line):
            inside.append((opened[1] or "").strip())
        elif CLOSED.match(line) and inside:
            inside.pop()
        elif (defined := DEFINED.match(line)) and "" not in inside and "HWY_NAMESPACE" not in inside:
            yield "::".join([*inside, defined[1]])


class NamesTest(unittest.TestCase):
    def test_each_is_defined_once(self):
        files = collections.defaultdict(list)
        for folder in ("rotary", "bench", "fuzz"):
            for path in (*(CHECKOUT / folder).rglob("*.h"), *(CHECKOUT / folder).rglob("*.cc")):
                for name in names_of(path):
                    files[name].append(str(path.relative_to(CHECKOUT)))
        self.assertGreater(len(files), 100)
        self.assertEqual({name: places for name, places in files.items() if len(places) > 1}, {})


if __name__ == "__main__":
    unittest.main()
