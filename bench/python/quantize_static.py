"""Static INT8 as onnxruntime.quantization makes it: quantize_static.py SET FOLDER METHOD LIMIT IN OUT."""
import sys

from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from datasets import DATASETS

kind, folder, method, limit, source, target = sys.argv[1:]
METHODS = {"minmax": CalibrationMethod.MinMax, "entropy": CalibrationMethod.Entropy, "percentile": CalibrationMethod.Percentile}


class Samples(CalibrationDataReader):
    def __init__(self):
        self.feeds = DATASETS[kind](folder, "calib", int(limit), 1)

    def get_next(self):
        return next((feeds for feeds, _ in self.feeds), None)


prepared = target + ".prepared.onnx"
# Symbolic shape inference gives up on the sentence model.
quant_pre_process(source, prepared, skip_symbolic_shape=kind == "sst2")
quantize_static(prepared, target, Samples(), quant_format=QuantFormat.QDQ, per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=METHODS[method])
