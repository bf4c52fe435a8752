"""Writes float16.bin: float32 bit patterns and the float16 patterns that numpy rounds them to.

The file holds N uint32 patterns, then N uint16 results, little-endian. Every exponent is there with mantissas around the ties.
Run with numpy: python make_float16.py
"""
from pathlib import Path

import numpy as np

mantissas = np.array([0, 1, 0x0FFF, 0x1000, 0x1001, 0x2FFF, 0x3000, 0x3001, 0x400000, 0x7FEFFF, 0x7FF000, 0x7FFFFF], dtype=np.uint32)
exponents = np.arange(255, dtype=np.uint32) << 23
finite = (exponents[:, None] | mantissas[None, :]).ravel()
random = np.random.default_rng(16).integers(0x32000000, 0x48000000, 2048, dtype=np.uint32)
positive = np.concatenate([finite, random, np.array([0x7F800000], dtype=np.uint32)])
patterns = np.concatenate([positive, positive | np.uint32(0x80000000)])
with np.errstate(over="ignore"):
    halves = patterns.view(np.float32).astype(np.float16).view(np.uint16)
Path(__file__).with_name("float16.bin").write_bytes(patterns.astype("<u4").tobytes() + halves.astype("<u2").tobytes())
