"""ONNX Runtime's own operators on bound buffers: RotaryEmbedding, and GroupQueryAttention and Attention with 32 query and
8 key heads of 128. In a process without torch, whose threads would disturb its own. Rows as in the torch scripts;
inference only."""

import numpy as np
import onnx
import onnxruntime
from onnx import helper

import peer
import reference

HEADS, KV_HEADS, HEAD_DIM = 32, 8, 128
DTYPES = {"f32": np.float32, "f16": np.float16}
ROTATE_TOLERANCE = {"f32": 1e-5, "f16": 0.01}
ATTENTION_TOLERANCE = 1e-4


def bound(nodes, inputs, outputs, threads):
    """A call that runs the nodes on these arrays, without copies, and returns `outputs`."""
    def describe(arrays):
        return [helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
                for name, x in arrays.items()]

    graph = helper.make_graph(nodes, "row", describe(inputs), describe(outputs))
    opsets = [helper.make_opsetid("", 23), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=11)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = threads, 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    for arrays, bind in ((inputs, binding.bind_input), (outputs, binding.bind_output)):
        for name, x in arrays.items():
            bind(name, "cpu", 0, x.dtype, x.shape, x.ctypes.data)

    def call():
        session.run_with_iobinding(binding)
        return outputs
    call.borrowed = inputs  # lives as long as the call
    return call


def rotate(cases, dtype, tokens, threads):
    if dtype not in DTYPES:
        cases.refused["RotaryEmbedding"] = f"not tried: NumPy has no {dtype}"
        return
    rng = np.random.default_rng(0)
    q, k = (rng.standard_normal((1, heads, tokens, HEAD_DIM), np.float32).astype(DTYPES[dtype])
            for heads in (HEADS, KV_HEADS))
    angles = reference.angles(tokens, HEAD_DIM)
    inputs = {"q": q, "k": k, "positions": np.arange(tokens)[None], "cos": np.cos(angles).astype(q.dtype),
              "sin": np.sin(angles).astype(q.dtype)}
    outputs = {"q_out": np.empty_like(q), "k_out": np.empty_like(k)}

    def check(got):
        for x, y in ((q, got["q_out"]), (k, got["k_out"])):
            reference.require_close(y, reference.rotate(x, "half"), ROTATE_TOLERANCE[dtype])

    for domain, rest in (("com.microsoft", ["positions", "cos", "sin"]), ("", ["cos", "sin", "positions"])):
        nodes = [helper.make_node("RotaryEmbedding", [x, *rest], [x + "_out"], domain=domain, interleaved=0)
                 for x in ("q", "k")]
        name = f"RotaryEmbedding, {domain or 'opset 23'}"
        cases.add(name, bound(nodes, inputs, outputs, threads), check)


def attention(cases, what, tokens, threads):
    """`tokens` queries for prefill, the last of `tokens` for decode."""
    queries = 1 if what == "decode" else tokens
    rng = np.random.default_rng(0)
    q, k, v = (rng.standard_normal((1, heads, count, HEAD_DIM), np.float32)
               for heads, count in ((HEADS, queries), (KV_HEADS, tokens), (KV_HEADS, tokens)))

    def check_heads_first(out):
        for at in sorted({0, queries // 2, queries - 1}):
            keys = tokens - queries + at + 1
            want = reference.attention(q[0, :, at], k[0, :, :keys], v[0, :, :keys], q[0, :, at])[0]
            reference.require_close(out[:, at], want, ATTENTION_TOLERANCE)

    def rows(x):  # [1, heads, tokens, dim] as [1, tokens, heads * dim]
        return np.ascontiguousarray(x.swapaxes(1, 2)).reshape(1, x.shape[2], -1)

    # The cache is shared: the new keys are written into it, here the same ones that it holds already.
    new = np.s_[:, :, tokens - queries:]
    inputs = {"q": rows(q), "k": rows(k[new]), "v": rows(v[new]), "past_k": k.copy(), "past_v": v.copy(),
              "last": np.array([tokens - 1], np.int32), "total": np.array(tokens, np.int32)}
    outputs = {"out": np.empty_like(inputs["q"]), "new_k": inputs["past_k"], "new_v": inputs["past_v"]}
    node = helper.make_node("GroupQueryAttention", list(inputs), list(outputs), domain="com.microsoft",
                            num_heads=HEADS, kv_num_heads=KV_HEADS)
    cases.add("GroupQueryAttention", bound([node], inputs, outputs, threads), lambda got: check_heads_first(
        got["out"].reshape(queries, HEADS, HEAD_DIM).swapaxes(0, 1)))

    node = helper.make_node("Attention", ["q", "k", "v"], ["out"], is_causal=int(what == "prefill"))
    cases.add("Attention, opset 23", bound([node], {"q": q, "k": k, "v": v}, {"out": np.empty_like(q)}, threads),
              lambda got: check_heads_first(got["out"][0]))


def prepare(row, threads):
    what, *details, tokens = row.split("/")
    cases = peer.Cases()
    if what == "rotate":
        rotate(cases, details[0], int(tokens), threads)
    else:
        attention(cases, details[0], int(tokens), threads)
    return cases


if __name__ == "__main__":
    peer.serve(prepare, {"onnxruntime": onnxruntime.__version__, "onnx": onnx.__version__})
