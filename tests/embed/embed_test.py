"""Builds tests/embed as somebody else's project would and runs it.

Properties: the program prints the worked example, and is the one that README.md shows; it needs neither OpenMP nor a matrix
library; no warning flags, definitions or tests of ours reach the project.

Usage: embed_test.py SOURCE_OF_ROTARY CXX_COMPILER [COMPILER_LAUNCHER]
"""

import json
import os
import re
import subprocess
import sys
import tempfile


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit status {result.returncode}\n{result.stdout}{result.stderr}")
    return result.stdout


def main():
    source, compiler, *launcher = sys.argv[1:]
    with tempfile.TemporaryDirectory() as build:
        # Without optimisation: what counts here is that it builds.
        run("cmake", "-G", "Ninja", "-S", os.path.join(source, "tests", "embed"), "-B", build, f"-DROTARY_SOURCE={source}",
            f"-DCMAKE_CXX_COMPILER={compiler}", "-DCMAKE_EXPORT_COMPILE_COMMANDS=ON",
            *[f"-DCMAKE_CXX_COMPILER_LAUNCHER={name}" for name in launcher if name])
        run("cmake", "--build", build)
        program = os.path.join(build, "embedded")

        printed = run(program).strip()
        assert printed == "0.866 0.500 -0.500 0.866", printed

        with open(os.path.join(source, "README.md")) as readme, open(os.path.join(source, "tests/embed/main.cc")) as file:
            (shown,) = re.findall(r"^```cpp\n#include \"rotary/rope/rotate.h\"\n\n(.*?)^```", readme.read(), re.M | re.S)
            assert file.read().endswith(shown) and shown.startswith("int main()"), shown

        needed = [line for line in run("readelf", "-d", program).splitlines() if "NEEDED" in line]
        assert needed, "readelf lists no libraries"
        for library in ("gomp", "omp", "dnnl", "blis"):
            assert not any(library in line for line in needed), needed

        with open(os.path.join(build, "compile_commands.json")) as file:
            commands = {os.path.basename(entry["file"]): entry["command"] for entry in json.load(file)}
        assert "rotate.cc" in commands, commands.keys()
        for flag in ("-Wall", "-Werror", "-fopenmp", "HWY_DISABLED_TARGETS"):
            assert flag not in commands["main.cc"], commands["main.cc"]
        assert not any(name.endswith("_test.cc") for name in commands), commands.keys()
        for folder, _, files in os.walk(build):
            assert "CTestTestfile.cmake" not in files, folder
    print("embedded: rotates, links", ", ".join(line.split("[")[-1].rstrip("]") for line in needed))


if __name__ == "__main__":
    main()
