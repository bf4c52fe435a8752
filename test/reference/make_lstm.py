"""Writes what onnxruntime.quantization makes of LSTMs, for the tests of src/quantize/lstm.ts:

quantize/lstm.onnx, quantize/lstm.dynamic.onnx   two LSTMs, one with all optional inputs in both directions, and what quantize_dynamic makes of them

Run `python3 make_lstm.py` with: pip install onnx==1.23.2 onnxruntime==1.32.0 numpy
"""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic

OUT = Path(__file__).with_name("quantize")
INPUTS, HIDDEN, BATCH = 12, 10, 3
rng = np.random.default_rng(4)


def normal(*dims):
    return rng.normal(0, 0.3, dims).astype(np.float32)


first = {
    "w1": normal(2, 4 * HIDDEN, INPUTS), "r1": normal(2, 4 * HIDDEN, HIDDEN), "b1": normal(2, 8 * HIDDEN),
    "h1": normal(2, BATCH, HIDDEN), "c1": normal(2, BATCH, HIDDEN), "p1": normal(2, 3 * HIDDEN),
    "lengths": np.array([7, 5, 1], np.int32),
}
second = {"w2": normal(1, 4 * HIDDEN, 2 * HIDDEN), "r2": normal(1, 4 * HIDDEN, HIDDEN)}
first["w1"][1, 3] = 0
second["r2"][0, 7] *= 100

graph = helper.make_graph(
    [
        helper.make_node("LSTM", ["x", "w1", "r1", "b1", "lengths", "h1", "c1", "p1"], ["y1", "yh1", "yc1"], name="both",
                         hidden_size=HIDDEN, direction="bidirectional", clip=3.0),
        helper.make_node("Transpose", ["y1"], ["t"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["t", "shape"], ["u"]),
        helper.make_node("LSTM", ["u", "w2", "r2"], ["y2", "", "yc2"], name="plain", hidden_size=HIDDEN),
    ],
    "lstm",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [7, BATCH, INPUTS])],
    [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ["y2", "yc2", "yh1", "yc1"]],
    [numpy_helper.from_array(value, name) for name, value in {**first, **second, "shape": np.array([7, BATCH, 2 * HIDDEN])}.items()],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8, producer_name="reference")
onnx.save(model, OUT / "lstm.onnx")
with tempfile.TemporaryDirectory() as folder:
    quantize_dynamic(OUT / "lstm.onnx", OUT / "lstm.dynamic.onnx", op_types_to_quantize=["LSTM"], per_channel=True, weight_type=QuantType.QInt8)
