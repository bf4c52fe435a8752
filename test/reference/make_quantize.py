"""Writes what the Python tools compute on seeded weights, for the tests of src/quantize:

quantize/weights.json   weights with the scale and the 8-bit values of onnxruntime.quantization (int8 and uint8, symmetric,
                        for the whole tensor and for each channel), arrays as base64 of little-endian elements
quantize/halves.json    float32 bit patterns and the float16 bit patterns that numpy rounds them to
quantize/half_ops.json  the operators of the standard that have float32 values, and those values of each version that cannot be float16
quantize/mlp.onnx, quantize/mlp.dynamic.onnx   a small model and what quantize_dynamic makes of it

Run `python3 make_quantize.py` with: pip install onnx==1.23.2 onnxruntime==1.32.0 numpy
"""

import base64
import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnx.defs
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.quant_utils import quantize_data

OUT = Path(__file__).with_name("quantize")
OUT.mkdir(exist_ok=True)
TINY = np.finfo(np.float32).tiny


def encode(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def special_columns(rng):
    """A [64, 12] matrix in which each column is a case of its own."""
    w = rng.normal(0, 0.05, (64, 12)).astype(np.float32)
    w[:, 0] = 0
    w[:, 1] = 1e-40
    w[:, 2] = rng.normal(0, 1e-39, 64)
    w[:, 3] = rng.uniform(-3e38, 3e38, 64)
    w[:, 4] = np.arange(64) / 2 - 15.5  # with the next line the scale is 1 and every other element is a tie
    w[0, 4] = -127
    w[:, 5] = np.where(np.arange(64) % 2 == 0, 127 * TINY, -60.5 * TINY)  # the scale is the smallest normal number
    w[:, 6] = np.nextafter(np.float32(127 * TINY), np.float32(0))  # and here just below it
    w[:, 7] = -0.0
    w[:, 8] = np.float32(0.1)
    w[1:, 9] = 0
    w[:, 10] = np.ldexp(np.float32(1), rng.integers(-30, 1, 64)).astype(np.float32)
    return w


rng = np.random.default_rng(20)
WEIGHTS = {
    "matrix": rng.normal(0, 0.05, (48, 33)),
    "special": special_columns(rng),
    "single element": np.array([[0.3]]),
    "one row": rng.normal(0, 1, (1, 17)),
    "one column": rng.normal(0, 1, (17, 1)),
    "ties": np.concatenate([np.arange(-254, 255) / 2, [127, 0.5, 1.5]]).reshape(64, 8),
    "documented": np.array([[-1, 0.3, 0.5]]),
    "convolution": rng.normal(0, 0.2, (6, 5, 3, 3)),
    "rank 3": rng.normal(0, 0.2, (3, 7, 5)),
}

cases = []
for name, values in WEIGHTS.items():
    values = values.astype(np.float32)
    for axis in [None, 0, 1]:
        for dtype, code in [("int8", TensorProto.INT8), ("uint8", TensorProto.UINT8)]:
            channels = [values.ravel()] if axis is None else [values.take(i, axis).ravel() for i in range(values.shape[axis])]
            with np.errstate(over="ignore"):
                results = [quantize_data(channel, code, True) for channel in channels]
            quantized = [q for _, _, q in results]
            shape = [n for i, n in enumerate(values.shape) if i != axis]
            whole = quantized[0].reshape(values.shape) if axis is None else np.stack([q.reshape(shape) for q in quantized], axis)
            cases.append({
                "name": name, "dims": values.shape, "axis": axis, "dtype": dtype, "weights": encode(values),
                "scales": encode(np.array([s for _, s, _ in results], np.float32)),
                "zero_points": [int(z) for z, _, _ in results], "values": encode(whole.astype(dtype)),
            })
(OUT / "weights.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")

# Every float16 value's neighbourhood is rounded elsewhere in the tests; here are seeded patterns and the edges of the range.
edges = np.array([65504, 65519.996, 65520, 65536, 1e30, 3.4028235e38, np.inf, 6.1035156e-05, 6.097555e-05, 5.9604645e-08, 2.9802322e-08,
                  2.9802326e-08, 1e-40, 0, np.nan, 1, 1.00048828125, 1.0014648], np.float32)
patterns = np.concatenate([edges, -edges, rng.integers(0, 2**32, 3000, np.uint32).view(np.float32),
                           rng.normal(0, 0.05, 3000).astype(np.float32), np.ldexp(rng.normal(0, 1, 3000), -20).astype(np.float32)])
with np.errstate(over="ignore", invalid="ignore"):
    halves = patterns.astype(np.float16)
(OUT / "halves.json").write_text(json.dumps({"float32": encode(patterns), "float16": encode(halves)}) + "\n")

# For each operator with float32 values: for each of its versions the positions of inputs, and names of outputs, that cannot be float16.
schemas = {}
for schema in onnx.defs.get_all_schemas_with_history():
    if schema.domain != "" or schema.deprecated:
        continue
    fixed = [i for i, slot in enumerate(schema.inputs) if "tensor(float)" in slot.types and "tensor(float16)" not in slot.types]
    fixed += [slot.name for slot in schema.outputs if "tensor(float)" in slot.types and "tensor(float16)" not in slot.types]
    if any("tensor(float)" in slot.types for slot in [*schema.inputs, *schema.outputs]):
        schemas.setdefault(schema.name, {})[schema.since_version] = fixed
lines = [f"{json.dumps(name)}: {json.dumps({v: f for v, f in sorted(versions.items()) if f})}" for name, versions in sorted(schemas.items())]
(OUT / "half_ops.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


def mlp():
    w1, w2 = rng.normal(0, 0.1, (32, 40)).astype(np.float32), rng.normal(0, 0.1, (40, 30)).astype(np.float32)
    w1[:, 3] = 0
    w2[:, 5] *= 1000
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["x", "w1"], ["a"], name="first"),
            helper.make_node("Add", ["a", "b1"], ["b"]),
            helper.make_node("Relu", ["b"], ["c"]),
            helper.make_node("MatMul", ["c", "w2"], ["y"], name="second"),
        ],
        "mlp",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 30])],
        [numpy_helper.from_array(w1, "w1"), numpy_helper.from_array(rng.normal(0, 1, 40).astype(np.float32), "b1"), numpy_helper.from_array(w2, "w2")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8, producer_name="reference")


onnx.save(mlp(), OUT / "mlp.onnx")
with tempfile.TemporaryDirectory() as folder:
    quantize_dynamic(OUT / "mlp.onnx", OUT / "mlp.dynamic.onnx", op_types_to_quantize=["MatMul"], per_channel=True, weight_type=QuantType.QInt8)
