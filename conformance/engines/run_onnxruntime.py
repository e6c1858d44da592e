"""The golden vectors by ONNX Runtime's operators RotaryEmbedding and MRotaryEmbedding. They take tables of cos and sin, made
here in double from the frequencies of each case, times the attention factor, and rounded to float32.

Usage: run_onnxruntime.py OUTPUTS        then: check.py OUTPUTS
Needs numpy, onnx, onnxruntime (1.32 was used)."""
import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from runs import NotOffered, run


def operator(name, inputs, shape, **attributes):
    """Runs one node of com.microsoft."""
    kinds = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int64): TensorProto.INT64}
    node = helper.make_node(name, list(inputs), ["y"], domain="com.microsoft", **attributes)
    graph = helper.make_graph([node], "rotate",
                              [helper.make_tensor_value_info(key, kinds[v.dtype], v.shape) for key, v in inputs.items()],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)])
    graph = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("com.microsoft", 1)],
                              ir_version=10)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, inputs)[0]


def rotate(case, tensors):
    r, positions = case["rotation"], tensors["positions"]
    if case["level"] == "backward" and case["name"].startswith("gradient"):
        raise NotOffered("no backward pass")
    if case["layout"] == "other":
        raise NotOffered("two angles in a pair")
    if not r["first"]:
        raise NotOffered("a layer without the operator")
    if case["direction"] != "forward" or "log_decay" in r or "heads" in r:
        raise NotOffered("no inverse, decay, or frequencies by head")
    if case["offset"]:
        raise NotOffered("only the first channels can turn")
    if positions.dtype != np.int64 or positions.min() < 0:
        raise NotOffered("positions are numbers of rows of a table")
    frequency = np.array(r["frequency"])
    interleaved = int(case["layout"] == "interleaved")
    if case["layout"] == "half" and r["second"][0] - r["first"][0] != case["rotary_dim"] // 2:
        raise NotOffered("halves inside blocks")
    # Zeros but in the rows that are used: the operator looks rows up by position. It wants as many rows as tokens.
    used = np.unique(positions)
    rows = max(used[-1] + 1, positions.shape[1])
    cos, sin = (np.zeros((rows, len(r["first"])), np.float32) for _ in range(2))
    angle = used[:, None].astype(float) * frequency.sum(axis=1)
    cos[used], sin[used] = r["attention_factor"] * np.cos(angle), r["attention_factor"] * np.sin(angle)
    x = np.ascontiguousarray(tensors["x"].transpose(0, 2, 1, 3), np.float32)  # batch, heads, tokens, channels
    attributes = {"interleaved": interleaved}
    if case["rotary_dim"] < r["head_dim"]:
        attributes |= {"rotary_embedding_dim": case["rotary_dim"], "num_heads": case["heads"]}
    name, inputs = "RotaryEmbedding", {"x": x, "positions": positions, "cos": cos, "sin": sin}
    if r["axes"] > 1:
        sections = case["config"].get("rope_scaling", case["config"].get("rope_parameters", {})) if case["config"] else {}
        if "mrope_section" not in sections or "alternating" in case["name"]:
            raise NotOffered("axes other than sections of t, h, w")
        attributes |= {"mrope_section": sections["mrope_section"], "mrope_layout": int("interleaved" in case["name"])}
        name, inputs["positions"] = "MRotaryEmbedding", np.ascontiguousarray(positions.transpose(2, 0, 1))
    return {"y": operator(name, inputs, x.shape, **attributes).transpose(0, 2, 1, 3)}


if __name__ == "__main__":
    run(rotate)
