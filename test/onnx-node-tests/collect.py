"""Writes all node tests of the ONNX standard into a folder: cases.json tells of each test, cases.bin holds models and elements.

    python collect.py FOLDER

An entry is {name, model, inputs, outputs, rtol, atol}. `model` is a place [offset, length] of cases.bin, as protobuf serialized it.
A value is {dtype, dims, place} with raw little-endian elements, {dtype: "string", dims, strings}, or null for a sequence, an optional,
or a type that numpy does not have.
"""

import json
import pathlib
import sys
import warnings

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

NUMPY_NAMES = {"float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"}


def main(folder: pathlib.Path) -> None:
    warnings.simplefilter("ignore")
    cases = sorted(collect_testcases(None), key=lambda case: case.name)
    with open(folder / "cases.bin", "wb") as data:

        def place(content: bytes) -> list[int]:
            offset = data.tell()
            data.write(content)
            return [offset, len(content)]

        def value(given):
            if isinstance(given, onnx.TensorProto):
                given = numpy_helper.to_array(given)
            if not isinstance(given, (np.ndarray, np.generic)):
                return None
            array = np.asarray(given)
            if array.dtype.kind in "OUS":
                strings = [item.decode() if isinstance(item, bytes) else str(item) for item in array.flatten()]
                return {"dtype": "string", "dims": list(array.shape), "strings": strings}
            if array.dtype.name not in NUMPY_NAMES:
                return None
            return {"dtype": array.dtype.name, "dims": list(array.shape), "place": place(np.ascontiguousarray(array).tobytes())}

        def entry(case):
            graph = case.model.graph
            inputs, outputs = case.data_sets[0]
            return {
                "name": case.name,
                "model": place(case.model.SerializeToString()),
                "inputs": {info.name: value(given) for info, given in zip(graph.input, inputs)},
                "outputs": {info.name: value(given) for info, given in zip(graph.output, outputs)},
                "rtol": case.rtol,
                "atol": case.atol,
            }

        entries = [entry(case) for case in cases]
    # Written last, so that its presence says that everything is there.
    (folder / "cases.json").write_text(json.dumps({"onnx": onnx.__version__, "cases": entries}))


main(pathlib.Path(sys.argv[1]))
