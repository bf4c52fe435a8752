"""Writes models as quantization-aware training exports them, and as other tools quantize them, for the tests of src/quantize/qat:

qat/torch.onnx     opset 13, Constant nodes for scales and zero points, int8, weights per channel along axis 0 (torch.onnx, pytorch-quantization)
qat/tf.onnx        opset 13, initializers, uint8 activations, weights per channel along the last axis and transposed behind (tf2onnx)
qat/brevitas.onnx  opset 13, a Clip to -127..127 between QuantizeLinear and DequantizeLinear, one scale a tensor
qat/half.onnx      the first convolution as in torch.onnx, the second without integer weights, the third without any quantization
qat/qdq.onnx, qat/qoperator.onnx   what quantize_static makes of a small model

Run `python3 make_qat.py` with: pip install onnx==1.23.2 onnxruntime==1.32.0 numpy
"""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

OUT = Path(__file__).with_name("qat")
OUT.mkdir(exist_ok=True)
rng = np.random.default_rng(11)


class Graph:
    """Collects nodes and constants; constants are Constant nodes or initializers."""

    def __init__(self, as_nodes):
        self.nodes, self.initializers, self.as_nodes = [], [], as_nodes

    def constant(self, name, value):
        tensor = numpy_helper.from_array(np.asarray(value), name)
        if self.as_nodes:
            self.nodes.append(helper.make_node("Constant", [], [name], name=f"Constant_{name}", value=tensor))
        else:
            self.initializers.append(tensor)
        return name

    def add(self, op, inputs, name, **attributes):
        self.nodes.append(helper.make_node(op, inputs, [name], name=f"{op}_{name}", **attributes))
        return name

    def fake_quantize(self, value, scale, zero_point, narrow=False, **attributes):
        s, z = self.constant(f"{value}_scale", np.float32(scale)), self.constant(f"{value}_zero_point", zero_point)
        q = self.add("QuantizeLinear", [value, s, z], f"{value}_q", **attributes)
        if narrow:
            q = self.add("Clip", [q, self.constant(f"{value}_low", np.int8(-127)), self.constant(f"{value}_high", np.int8(127))], f"{value}_clipped")
        return self.add("DequantizeLinear", [q, s, z], f"{value}_dq", **attributes)

    def weight(self, name, dims, axis=None, narrow=False, quantized=True):
        value = rng.normal(0, 0.2, dims).astype(np.float32)
        self.initializers.append(numpy_helper.from_array(value, name))
        if not quantized:
            return name
        if axis is None:
            # Trained scales cut off outliers.
            return self.fake_quantize(name, np.abs(value).max() / 150, np.int8(0), narrow)
        others = tuple(i for i in range(len(dims)) if i != axis)
        scale = np.abs(value).max(axis=others) / 150
        return self.fake_quantize(name, scale, np.zeros(dims[axis], np.int8), narrow, axis=axis)

    def save(self, name, x, y, opset=13):
        graph = helper.make_graph(
            self.nodes, name, [helper.make_tensor_value_info("x", TensorProto.FLOAT, x)], [helper.make_tensor_value_info("y", TensorProto.FLOAT, y)], self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, OUT / f"{name}.onnx")


def bias(g, name, count):
    return g.constant(name, rng.normal(0, 0.1, count).astype(np.float32))


def torch_style():
    g = Graph(True)
    x = g.fake_quantize("x", 0.02, np.int8(0))
    h = g.add("Conv", [x, g.weight("w1", [16, 8, 3, 3], 0), bias(g, "b1", 16)], "c1", pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    h = g.fake_quantize(g.add("Relu", [h], "r1"), 0.03, np.int8(0))
    h = g.add("Conv", [h, g.weight("w2", [16, 16, 3, 3], 0), bias(g, "b2", 16)], "c2", kernel_shape=[3, 3])
    h = g.fake_quantize(g.add("GlobalAveragePool", [g.add("Relu", [h], "r2")], "p"), 0.02, np.int8(0))
    g.add("Gemm", [g.add("Flatten", [h], "f"), g.weight("w3", [64, 16], 0), bias(g, "b3", 64)], "y", transB=1)
    g.save("torch", [1, 8, 10, 10], [1, 64])


def tf_style():
    g = Graph(False)
    x = g.fake_quantize("x", 0.02, np.uint8(128))
    w = g.add("Transpose", [g.weight("w1", [3, 3, 8, 16], 3)], "w1_t", perm=[3, 2, 0, 1])
    h = g.add("Conv", [x, w, bias(g, "b1", 16)], "c1", pads=[1, 1, 1, 1])
    h = g.fake_quantize(g.add("Relu", [h], "r1"), 0.03, np.uint8(0))
    h = g.add("Flatten", [g.add("GlobalAveragePool", [h], "p")], "f")
    h = g.add("MatMul", [g.fake_quantize(h, 0.02, np.uint8(3)), g.weight("w2", [16, 80], 1)], "m")
    g.fake_quantize(g.add("Add", [h, bias(g, "b2", 80)], "a"), 0.05, np.uint8(120))
    g.add("Identity", ["a_dq"], "y")
    g.save("tf", [1, 8, 10, 10], [1, 80])


def brevitas_style():
    g = Graph(True)
    x = g.fake_quantize("x", 0.02, np.int8(0), narrow=True)
    h = g.add("Conv", [x, g.weight("w1", [16, 8, 3, 3], narrow=True)], "c1", pads=[1, 1, 1, 1])
    h = g.fake_quantize(g.add("Relu", [h], "r1"), 0.03, np.uint8(0))
    g.add("Conv", [h, g.weight("w2", [12, 16, 3, 3], narrow=True)], "y")
    g.save("brevitas", [1, 8, 10, 10], [1, 12, 8, 8])


def half_style():
    g = Graph(False)
    x = g.fake_quantize("x", 0.02, np.int8(0))
    h = g.add("Conv", [x, g.weight("w1", [16, 8, 3, 3], 0)], "c1")
    h = g.fake_quantize(g.add("Relu", [h], "r1"), 0.03, np.int8(0))
    h = g.add("Conv", [h, g.weight("w2", [16, 16, 3, 3], quantized=False)], "c2")
    h = g.add("Tanh", [h], "t")
    g.add("Conv", [h, g.weight("w3", [16, 16, 3, 3], quantized=False)], "y")
    g.save("half", [1, 8, 10, 10], [1, 16, 4, 4])


class Reader(CalibrationDataReader):
    def __init__(self):
        self.left = [{"x": rng.normal(0, 1, [1, 8, 10, 10]).astype(np.float32)} for _ in range(4)]

    def get_next(self):
        return self.left.pop() if self.left else None


def quantized():
    g = Graph(False)
    h = g.add("Relu", [g.add("Conv", ["x", g.weight("w1", [16, 8, 3, 3], quantized=False)], "c1")], "r1")
    g.add("Conv", [h, g.weight("w2", [16, 16, 3, 3], quantized=False)], "y")
    with tempfile.TemporaryDirectory() as folder:
        out = globals()["OUT"]
        globals()["OUT"] = Path(folder)
        g.save("float", [1, 8, 10, 10], [1, 16, 6, 6])
        globals()["OUT"] = out
        for name, form in (("qdq", QuantFormat.QDQ), ("qoperator", QuantFormat.QOperator)):
            quantize_static(Path(folder) / "float.onnx", out / f"{name}.onnx", Reader(), quant_format=form, per_channel=True, weight_type=QuantType.QInt8)


torch_style()
tf_style()
brevitas_style()
half_style()
quantized()
