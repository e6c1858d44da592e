"""What the runs of engines share: every case goes to the engine, what it returns is written for check.py."""
import json
import sys
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(FOLDER))
from check import load  # noqa: E402


class NotOffered(Exception):
    """The engine has no such feature; says which."""


def write(path, tensors):
    """A safetensors file of float32 arrays."""
    header, data = {}, b""
    for name, array in tensors.items():
        raw = np.ascontiguousarray(array, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def run(engine):
    """engine(case, tensors) gives {"y": array, "d_x": array where it has a backward pass} or raises NotOffered. `tensors`
    are float64 arrays, but positions have their own dtype. A case that the engine refuses counts as not offered too, and
    its sentence is printed."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: {sys.argv[0]} OUTPUTS")
    outputs = Path(sys.argv[1])
    outputs.mkdir(parents=True, exist_ok=True)
    for path in sorted((FOLDER / "cases").glob("*.json")):
        case = json.loads(path.read_text())
        tensors = {name: array for name, (array, _) in load(path.with_suffix(".safetensors")).items()}
        positions, dtype = load(path.with_suffix(".safetensors"))["positions"]
        tensors["positions"] = positions.astype(np.int64) if dtype == "I64" else positions
        try:
            write(outputs / f"{case['name']}.safetensors", engine(case, tensors))
        except NotOffered as reason:
            print(f"{case['name']}: not offered: {reason}")
        except Exception as error:  # whatever engines raise
            print(f"{case['name']}: refused: {type(error).__name__}: {str(error).splitlines()[0][:160]}")


def with_gradient(rotate):
    """The engine of rotate(case, positions, x), which are PyTorch tensors."""
    import torch

    def engine(case, tensors):
        x = torch.tensor(tensors["x"], dtype=torch.float32)
        if "strided" in case:
            begin, end = case["strided"]["heads"]
            x = torch.tensor(tensors["x_wide"], dtype=torch.float32)[:, :, begin:end]
        x.requires_grad_()
        y = rotate(case, torch.tensor(tensors["positions"]), x)
        d_y = torch.tensor(tensors["d_y"], dtype=torch.float32)
        (d_x,) = torch.autograd.grad(y, x, d_y)
        return {"y": y.detach().numpy(), "d_x": d_x.numpy()}
    return engine
