"""The Python tools' way: quantize.py dynamic-int8|fp16 IN OUT."""
import sys

mode, source, target = sys.argv[1:]
if mode == "dynamic-int8":
    from onnxruntime.quantization import QuantType, quantize_dynamic
    quantize_dynamic(source, target, weight_type=QuantType.QInt8)
elif mode == "fp16":
    import onnx
    from onnxconverter_common import float16
    onnx.save(float16.convert_float_to_float16(onnx.load(source), keep_io_types=True, disable_shape_infer=True), target)
else:
    raise SystemExit(f"unknown mode {mode}")
