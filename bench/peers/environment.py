"""A virtual environment for the peers, in a folder that the user names; made once, used again while requirements.txt
stays as it is."""

import os
import subprocess
import sys

REQUIREMENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "requirements.txt")


def ensure(folder):
    """Returns the environment's Python; installs what requirements.txt pins where that has not been done.

    torch comes first without its dependencies: a wheel without CUDA needs none but those pinned here. Where it cannot
    be imported, it is one with CUDA, and its libraries (gigabytes) have to come along. pip's own settings can point to
    an index of CPU wheels: PIP_EXTRA_INDEX_URL.
    """
    python = os.path.join(folder, "bin", "python")
    marker = os.path.join(folder, "installed.txt")
    with open(REQUIREMENTS, encoding="utf-8") as file:
        wanted = file.read()
    if os.path.exists(marker) and open(marker, encoding="utf-8").read() == wanted:
        return python
    print(f"installing the peers into {folder}", file=sys.stderr)
    torch = next(line for line in wanted.splitlines() if line.startswith("torch=="))
    pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    others = [line for line in wanted.splitlines() if "==" in line and line != torch]
    subprocess.run(pip + others, check=True)
    subprocess.run(pip + ["--no-deps", torch], check=True)
    if subprocess.run([python, "-c", "import torch"], capture_output=True).returncode != 0:
        subprocess.run(pip + [torch], check=True)
    with open(marker, "w", encoding="utf-8") as file:
        file.write(wanted)
    return python
