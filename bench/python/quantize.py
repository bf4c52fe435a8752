"""The Python tools' way: quantize.py dynamic-int8|fp16|int4|int4-embedding IN OUT."""
import sys

mode, source, target = sys.argv[1:]
if mode == "dynamic-int8":
    from onnxruntime.quantization import QuantType, quantize_dynamic
    quantize_dynamic(source, target, weight_type=QuantType.QInt8)
elif mode in ("int4", "int4-embedding"):
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
    operators, axes = (("MatMul",), (("MatMul", 0),)) if mode == "int4" else (("MatMul", "Gather"), (("MatMul", 0), ("Gather", 1)))
    quantizer = MatMulNBitsQuantizer(source, bits=4, block_size=32, is_symmetric=False, op_types_to_quantize=operators, quant_axes=axes)
    quantizer.process()
    quantizer.model.save_model_to_file(target)
elif mode == "fp16":
    import onnx
    from onnxconverter_common import float16
    onnx.save(float16.convert_float_to_float16(onnx.load(source), keep_io_types=True, disable_shape_infer=True), target)
else:
    raise SystemExit(f"unknown mode {mode}")
