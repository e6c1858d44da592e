"""What the tests of rotating commands share: safetensors files, and a rotation written apart from the library, in NumPy.

NumPy has no bfloat16: such tensors are uint16 here, with to_bf16 and from_bf16 between them and floats.
"""

import json

import numpy as np

DTYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": np.uint16, "I64": np.int64, "U8": np.uint8}


def to_bf16(x):
    """Rounded to nearest, ties to even; finite numbers only."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def from_bf16(x):
    return (x.astype(np.uint32) << 16).view(np.float32)


def write(path, tensors, metadata=None):
    """tensors: name -> array, or (dtype name, array)."""
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, value in tensors.items():
        dtype, array = value if isinstance(value, tuple) else (None, value)
        if dtype is None:
            dtype = next(key for key, kind in DTYPES.items() if kind == array.dtype)
        raw = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": dtype, "shape": list(array.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def read_header(path):
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8:8 + size]), data[8 + size:]


def read(path):
    """name -> array; bf16 as uint16."""
    header, data = read_header(path)
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            tensors[name] = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def frequencies(rotary_dim, theta=10000.0):
    return theta ** (-np.arange(0, rotary_dim, 2) / rotary_dim)


def turn(x, angles, layout="half", offset=0, factor=1.0, direction="forward"):
    """Rotates x [.., channels] in double by angles [.., pairs], of which all axes but the last broadcast to those of x."""
    y = np.array(x, np.float64)
    pairs = angles.shape[-1]
    c, s = np.cos(angles), np.sin(angles)
    if direction != "forward":
        s = -s
    g = 1 / factor if direction == "inverse" else factor
    first, second = ((slice(offset, offset + pairs), slice(offset + pairs, offset + 2 * pairs)) if layout == "half" else
                     (slice(offset, offset + 2 * pairs, 2), slice(offset + 1, offset + 2 * pairs, 2)))
    u, v = np.array(x[..., first], np.float64), np.array(x[..., second], np.float64)
    y[..., first] = g * (c * u - s * v)
    y[..., second] = g * (s * u + c * v)
    return y
