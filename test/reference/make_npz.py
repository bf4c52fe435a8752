"""Writes the numpy archives in npz/ that the tests of src/calibrate read. Needs numpy; run it from this folder."""

from pathlib import Path

import numpy as np

OUT = Path(__file__).parent / "npz"
OUT.mkdir(exist_ok=True)

# One array of each type that can be fed, with the smallest and the largest value of integer types.
TYPES = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"]


def extremes(kind: str) -> np.ndarray:
    dtype = np.dtype(kind)
    if dtype.kind == "f":
        return np.array([[-1.5, 0.1, np.inf], [np.nan, 65504.0, -0.0]], dtype)
    info = np.iinfo(dtype)
    return np.array([[info.min, 1, 2], [3, 4, info.max]], dtype)


arrays = {kind: extremes(kind) for kind in TYPES}
arrays["b1"] = np.array([[True, False, True], [False, False, True]])
np.savez(OUT / "types.npz", **arrays)

count = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
np.savez_compressed(
    OUT / "layouts.npz",
    rows=count,
    fortran=np.asfortranarray(count),
    big_endian=count.astype(">f4"),
    scalar=np.array(7, np.int64),
    empty=np.zeros((0, 5), np.float32),
    **{"input.0/x": np.array([1], np.int32)},
)
np.save(OUT / "single.npy", np.arange(6, dtype=np.int32).reshape(2, 3))
np.savez(OUT / "text.npz", words=np.array(["a", "bc"]))
np.savez(OUT / "structure.npz", pair=np.zeros(2, dtype=[("a", "f4"), ("b", "i4")]))

# A sample for Silero VAD: 512 samples of a 440 Hz tone at 16 kHz.
tone = np.sin(2 * np.pi * 440 * np.arange(512) / 16000).astype(np.float32)[None]
np.savez_compressed(
    OUT / "silero.npz", input=tone, state=np.zeros((2, 1, 128), np.float32), sr=np.array(16000, np.int64)
)
