"""Writes what onnxruntime computes on seeded weights in blocks, for the tests of src/quantize/blocks:

quantize/blocks.json    weights [K, N] with the packed bytes, scales and zero points of onnxruntime's MatMulNBits quantizer (the one behind
                        onnxruntime.quantization.matmul_nbits_quantizer), for 4 and 8 bits, symmetric and not, and the levels, scales and
                        zero points of its k-quant; arrays as base64 of little-endian elements

Run `python3 make_blocks.py` with: pip install onnx==1.23.2 onnx_ir==0.1.12 onnxruntime==1.32.0 numpy
"""

import base64
import json
from pathlib import Path

import numpy as np
from onnxruntime.capi._pybind_state import quantize_matmul_4bits, quantize_matmul_8bits
from onnxruntime.quantization.neural_compressor.weight_only import quant_tensor_k_quant_cpu

OUT = Path(__file__).with_name("quantize")
QUANTIZE = {4: quantize_matmul_4bits, 8: quantize_matmul_8bits}
rng = np.random.default_rng(40)


def encode(array):
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def special_columns():
    """A [64, 16] matrix in which each column is a case of its own."""
    w = rng.normal(0, 0.05, (64, 16)).astype(np.float32)
    w[:, 0] = 0
    w[:, 1] = np.abs(w[:, 1])
    w[:, 2] = -np.abs(w[:, 2])
    w[:, 3] = np.where(np.arange(64) % 2 == 0, 0.25, -0.25)  # smallest and largest value are alike
    w[:, 4] = np.arange(64) % 16 - 8 + 0.5  # ties
    w[:, 5] = np.arange(64) % 16 - 7.5
    w[:, 6] = 0.3
    w[:, 7] = -0.3
    w[1:, 8] = 0
    w[:, 9] = rng.normal(0, 1e-6, 64)
    w[:, 10] = rng.normal(0, 1000, 64)
    w[:, 11] = np.ldexp(np.float32(1), rng.integers(-30, 1, 64)).astype(np.float32)
    w[:, 12] = rng.standard_t(2, 64).astype(np.float32)
    w[:, 13] = rng.uniform(3, 4, 64)
    w[:, 14] = -0.0
    w[:32, 15] = 0
    return w


WEIGHTS = {
    "normal": (rng.normal(0, 0.05, (96, 24)), 32),
    "heavy tails": (rng.standard_t(3, (128, 8)) * 0.02, 64),
    "special": (special_columns(), 32),
    "last block not full": (rng.normal(0, 0.05, (50, 7)), 32),
    "odd number of blocks": (rng.normal(0, 0.05, (48, 5)), 16),
    "one block": (rng.normal(0, 0.05, (16, 3)), 16),
    "large blocks": (rng.normal(0, 0.05, (512, 4)), 256),
    "rows below a block": (rng.normal(0, 0.05, (20, 3)), 128),
}


def quantize(weight, size, bits, symmetric):
    rows, columns = weight.shape
    blocks = -(-rows // size)
    padded = np.pad(weight, ((0, blocks * size - rows), (0, 0)))
    packed = np.zeros((columns, blocks, size * bits // 8), np.uint8)
    scales = np.zeros((columns, blocks), np.float32)
    zero_points = np.zeros((columns, -(-blocks * bits // 8)), np.uint8)
    QUANTIZE[bits](packed, padded, scales, zero_points, size, columns, rows, symmetric)
    return {"bits": bits, "symmetric": symmetric, "packed": encode(packed), "scales": encode(scales), "zeroPoints": "" if symmetric else encode(zero_points)}


def k_quant(weight, size, bits):
    rows, columns = weight.shape
    padded = np.pad(weight, ((0, -rows % size), (0, 0)))
    levels, scales, zero_points = quant_tensor_k_quant_cpu(padded.T, bits, size)
    return {"bits": bits, "levels": encode(levels.astype(np.uint8)), "scales": encode(scales.astype(np.float32)), "zeroPoints": encode(zero_points)}


cases = []
for name, (values, size) in WEIGHTS.items():
    weight = np.ascontiguousarray(values, np.float32)
    case = {"name": name, "dims": list(weight.shape), "size": size, "weight": encode(weight)}
    case["rtn"] = [quantize(weight, size, bits, symmetric) for bits in (4, 8) for symmetric in (True, False)]
    if name != "special" and weight.shape[0] % size == 0:
        case["kQuant"] = [k_quant(weight, size, bits) for bits in (4, 8)]
    cases.append(case)
(OUT / "blocks.json").write_text(json.dumps(cases, indent=1) + "\n")
