"""Writes what numpy computes for GPTQ on seeded matrices, for the tests of src/quantize/gptq:

quantize/gptq.json    symmetric positive definite matrices A with numpy.linalg.cholesky(A) and numpy.linalg.cholesky(numpy.linalg.inv(A)); and a
                      weight [K, N] with the sum of its inputs' outer products, and the error trace((W - Q)^T H (W - Q)) that GPTQ with blocks
                      rounded to nearest leaves, as its paper has it and as onnxruntime.quantization does; arrays as base64 of little-endian float64

Run `python3 make_gptq.py` with: pip install onnx==1.23.2 onnx_ir==0.1.12 onnxruntime==1.32.0 numpy
"""

import base64
import json
from pathlib import Path

import numpy as np
from onnxruntime.quantization.neural_compressor.weight_only import gptq

OUT = Path(__file__).with_name("quantize")
rng = np.random.default_rng(50)


def encode(array):
    return base64.b64encode(np.ascontiguousarray(array, np.float64).tobytes()).decode()


def gram(rows, n, decay=0.0):
    """Sums of outer products of inputs whose directions fall off in size."""
    mix = rng.normal(0, 1, (n, n)) * np.exp(-decay * np.arange(n))[:, None]
    x = rng.normal(0, 1, (rows, n)) @ mix
    return x.T @ x


def damped(a):
    return a + 0.01 * np.trace(a) / len(a) * np.eye(len(a))


def gptq_by_definition(w, h, size):
    """GPTQ of 4 bits with zero points, row by row; half-precision scales; after the paper (arXiv 2210.17323, algorithm 1)."""
    w = w.astype(np.float64)
    q = np.zeros_like(w)
    upper = np.linalg.cholesky(np.linalg.inv(damped(h))).T
    for k in range(len(w)):
        if k % size == 0:
            low, high = np.minimum(w[k:k + size].min(0), 0), np.maximum(w[k:k + size].max(0), 0)
            zero = np.round(-low / ((high - low) / 15))
            scale = ((high - low) / 15).astype(np.float16).astype(np.float64)
        q[k] = scale * (np.clip(np.round(w[k] / scale) + zero, 0, 15) - zero)
        w[k:] -= np.outer(upper[k, k:], (w[k] - q[k]) / upper[k, k])
    return q


MATRICES = {
    "one element": np.array([[2.25]]),
    "two": np.array([[4.0, 2.0], [2.0, 5.0]]),
    "five": gram(20, 5),
    "six": gram(30, 6),
    "seven": gram(30, 7),
    "many": gram(200, 48),
    "fewer samples than rows": damped(gram(10, 40)),
    "directions of very different size": damped(gram(100, 33, 0.3)),
    "tiny": gram(50, 9) * 1e-18,
}

matrices = [
    {"name": name, "n": len(a), "a": encode(a), "factor": encode(np.linalg.cholesky(a)), "inverseFactor": encode(np.linalg.cholesky(np.linalg.inv(a)))}
    for name, a in MATRICES.items()
]
weights = []
for name, n, size, decay in [("correlated inputs", 96, 32, 0.05), ("last block not full", 80, 32, 0.05), ("independent inputs", 64, 16, 0.0)]:
    w = rng.normal(0, 0.05, (n, 24)).astype(np.float32)
    h = gram(300, n, decay)
    theirs = gptq(w.astype(np.float64), h.copy(), 4, size, "asym", blocksize=128, percdamp=0.01)
    errors = [np.trace((w - q).T @ h @ (w - q)) for q in (gptq_by_definition(w, h, size), theirs)]
    weights.append({"name": name, "K": n, "N": 24, "size": size, "weight": encode(w), "sums": encode(h), "error": errors[0], "peerError": errors[1]})
(OUT / "gptq.json").write_text(json.dumps({"matrices": matrices, "weights": weights}, indent=1) + "\n")
