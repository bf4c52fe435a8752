"""Writes what onnxruntime.quantization's quantize_static makes of models, for the tests of src/quantize/static:

static/convnet.onnx              a small network of convolutions; one of its biases does not fit into int32 unless the weight's scale is raised
static/convnet.<variant>.onnx    what quantize_static makes of it (QDQ)
static/ranges.json               the ranges of all values that its min-max calibration found on seeded inputs, by model
static/mobilenet.json            SHA-256 of the integers, scales and biases that it makes of a MobileNetV2, whose path is the first argument

Run `python3 make_static.py PATH` with: pip install onnx==1.23.2 onnxruntime==1.32.0 numpy
"""

import hashlib
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.calibrate import create_calibrator

OUT = Path(__file__).with_name("static")
OUT.mkdir(exist_ok=True)

VARIANTS = {
    "u8s8": {},
    "s8s8": {"activation_type": QuantType.QInt8},
    "per-tensor": {"per_channel": False},
    "reduced": {"reduce_range": True},
}


def convnet():
    rng = np.random.default_rng(5)
    floats = {
        "w1": rng.normal(0, 0.3, (8, 3, 3, 3)), "b1": rng.normal(0, 0.5, 8),
        "w2": rng.normal(0, 0.4, (8, 1, 3, 3)), "b2": rng.normal(0, 0.5, 8),
        "w3": rng.normal(0, 0.3, (8, 8, 1, 1)), "b3": rng.normal(0, 0.5, 8),
        "w4": rng.normal(0, 0.3, (12, 8, 3, 3)),
        "w5": rng.normal(0, 0.3, (10, 12)), "b5": rng.normal(0, 0.5, 10),
    }
    # A channel with tiny weights and a large bias.
    floats["w3"][3] *= 1e-9
    floats["b3"][3] = 50
    floats["w3"][5] = 0
    nodes = [
        helper.make_node("Conv", ["x", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1], strides=[2, 2], name="first"),
        helper.make_node("Clip", ["c1", "zero", "six"], ["a1"]),
        helper.make_node("Conv", ["a1", "w2", "b2"], ["c2"], pads=[1, 1, 1, 1], group=8, name="depthwise"),
        helper.make_node("LeakyRelu", ["c2"], ["a2"], alpha=0.2),
        helper.make_node("Conv", ["a2", "w3", "b3"], ["c3"], name="pointwise"),
        helper.make_node("Add", ["c3", "a1"], ["s"]),
        helper.make_node("MaxPool", ["s"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["p", "w4"], ["c4"], pads=[1, 1, 1, 1], name="last"),
        helper.make_node("Relu", ["c4"], ["a4"]),
        helper.make_node("GlobalAveragePool", ["a4"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("Gemm", ["f", "w5", "b5"], ["y"], transB=1, name="head"),
    ]
    initializers = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in floats.items()]
    initializers += [numpy_helper.from_array(np.float32(0), "zero"), numpy_helper.from_array(np.float32(6), "six")]
    graph = helper.make_graph(
        nodes, "convnet", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 16, 16])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 10])], initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class Seeded(CalibrationDataReader):
    def __init__(self, name, shape):
        rng = np.random.default_rng(7)
        self.feeds = iter([{name: rng.normal(0, 1, shape).astype(np.float32)} for _ in range(4)])

    def get_next(self):
        return next(self.feeds, None)


def ranges(path, feed):
    calibrator = create_calibrator(path, None, calibrate_method=CalibrationMethod.MinMax)
    calibrator.collect_data(Seeded(*feed))
    return {name: [float(np.ravel(side)[0]) for side in data.range_value] for name, data in calibrator.compute_data().data.items()}


def quantized(path, feed, **options):
    with tempfile.TemporaryDirectory() as folder:
        out = str(Path(folder) / "out.onnx")
        settings = {"quant_format": QuantFormat.QDQ, "per_channel": True, "activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8, **options}
        # The last product's output stays float32: onnxruntime's kernel gives it as it is.
        quantize_static(path, out, Seeded(*feed), extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm"]}, **settings)
        return onnx.load(out)


found = {}
onnx.save(convnet(), OUT / "convnet.onnx")
feed = ("x", (2, 3, 16, 16))
found["convnet"] = ranges(str(OUT / "convnet.onnx"), feed)
for variant, options in VARIANTS.items():
    onnx.save(quantized(str(OUT / "convnet.onnx"), feed, **options), OUT / f"convnet.{variant}.onnx")

if len(sys.argv) > 1:
    feed = ("image", (2, 3, 32, 32))
    found["mobilenet"] = ranges(sys.argv[1], feed)
    model = quantized(sys.argv[1], feed)
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    hashes = {name: hashlib.sha256(np.ascontiguousarray(value).tobytes()).hexdigest()[:16] for name, value in tensors.items()}
    (OUT / "mobilenet.json").write_text(json.dumps(hashes, indent=0) + "\n")
(OUT / "ranges.json").write_text(json.dumps(found, indent=0) + "\n")
