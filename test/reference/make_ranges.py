"""Ranges of stored activations by onnxruntime.quantization's calibrators (min-max, percentile), and by the rules of calibrate/ranges written down
plainly. Entropy has no counterpart there: onnxruntime spreads counts over empty bins too, rounds them to integers and counts zeros as values, so
that what follows a Relu is cut off at half its range.

    python make_ranges.py    # with numpy, onnx and onnxruntime; writes ranges/activations.bin and ranges/ranges.json
"""
import json
import os
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper
from onnxruntime.quantization import CalibrationDataReader
from onnxruntime.quantization.calibrate import CalibrationMethod, HistogramCollector, create_calibrator

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ranges")
RUNS, VALUES, SIDE, LEVELS = 3, 3000, 2048, 128


def activations():
    rng = np.random.default_rng(20)
    shape = (RUNS, VALUES)
    normal = rng.normal(0, 1.3, shape)
    tensors = {
        "normal": normal,
        "relu": np.maximum(rng.normal(0, 2, shape), 0),
        "relu6": np.clip(rng.normal(1, 3, shape), 0, 6),
        "gelu": normal * 0.5 * (1 + np.tanh(0.79788456 * (normal + 0.044715 * normal**3))),
        "heavy": rng.standard_t(3, shape),
        "negative": -np.abs(rng.normal(3, 0.5, shape)),
    }
    # Later runs reach further, so that histograms have to grow.
    return {name: (values * [[0.3], [1], [1.7]]).astype(np.float32) for name, values in tensors.items()}


class Runs(CalibrationDataReader):
    def __init__(self, values):
        self.runs = iter([{"x": run} for run in values])

    def get_next(self):
        return next(self.runs, None)


def onnxruntime_minmax(values):
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "zero"], ["y"])], "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [VALUES])], [helper.make_tensor_value_info("y", TensorProto.FLOAT, [VALUES])],
        [helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0])],
    )
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "m.onnx")
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10), path)
        calibrator = create_calibrator(path, ["Add"], augmented_model_path=os.path.join(folder, "a.onnx"), calibrate_method=CalibrationMethod.MinMax)
        calibrator.collect_data(Runs(values))
        low, high = calibrator.compute_data()["x"].range_value
    return [float(np.squeeze(low)), float(np.squeeze(high))]


def onnxruntime_histogram(method, values):
    collector = HistogramCollector(method, False, SIDE, LEVELS, 99.999 if method == "percentile" else None, None)
    for run in values:
        collector.collect({"x": run})
    low, high = collector.compute_collection_result()["x"][:2]
    edges = collector.histogram_dict["x"][1]
    return {"range": [float(low), float(high)], "width": float(edges[1] - edges[0])}


def histogram(values):
    """Counts in bins of the smallest power of two of which SIDE hold the largest magnitude, on both sides of zero."""
    reach = float(np.abs(values).max())
    width = 2.0 ** (np.floor(np.log2(reach)) + 1) / SIDE
    counts, _ = np.histogram(values.astype(np.float64), bins=2 * SIDE, range=(-SIDE * width, SIDE * width))
    return counts, width


def sides(counts):
    positive, negative = counts[SIDE:].astype(np.float64), counts[:SIDE][::-1].astype(np.float64)
    positive[0] = min(positive[0], positive[1])
    return [side for side in (negative, positive) if side.sum() > 0]


def entropy(values):
    counts, width = histogram(values)
    parts = sides(counts)
    used = max(int(np.nonzero(part)[0][-1]) + 1 for part in parts)
    best, least = used, np.inf

    def divergence_of(i):
        p, q, hopeless = [], [], False
        for part in parts:
            inside = part[:i].copy()
            spread = np.zeros(i)
            edges = [-(-g * i // LEVELS) for g in range(LEVELS + 1)]
            for a, b in zip(edges, edges[1:]):
                filled = inside[a:b] > 0
                if filled.any():
                    spread[a:b][filled] = inside[a:b].sum() / filled.sum()
            reference = inside.copy()
            outside = part[i:].sum()
            if outside > 0 and inside.any():
                reference[np.nonzero(inside)[0][-1]] += outside
            hopeless |= outside > 0 and not inside.any()
            p.append(reference)
            q.append(spread)
        p, q = np.concatenate(p), np.concatenate(q)
        if q.sum() == 0 or hopeless:
            return np.inf
        p, q = p / p.sum(), q / q.sum()
        return float((p[p > 0] * np.log(p[p > 0] / q[p > 0])).sum())

    # Every eighth range first, then those around the best.
    for step in (8, 1):
        first, last = (used, LEVELS) if step == 8 else (min(used, best + 7), max(LEVELS, best - 7))
        for i in range(first, last - 1, -step):
            divergence = divergence_of(i)
            if divergence < least - 1e-12:
                best, least = i, divergence
    return [float(max(values.min(), -best * width)), float(min(values.max(), best * width))]


def mse(values):
    """Every pair of ends is tried."""
    counts, width = histogram(values)
    positive, negative = counts[SIDE:].astype(np.float64), counts[:SIDE][::-1].astype(np.float64)
    positive[0] = min(positive[0], positive[1])
    above, below = clipping(positive, width, float(values.max())), clipping(negative, width, -float(values.min()))
    step = (above[0][:, None] + below[0][None, :]) / 255
    error = above[1][:, None] + below[1][None, :] + (above[2][:, None] + below[2][None, :]) * step**2 / 12
    high, low = np.unravel_index(int(error.argmin()), error.shape)
    low = 0.0 - float(below[0][low]) if values.min() <= 0 else float(values.min())
    high = float(above[0][high]) if values.max() >= 0 else float(values.max())
    return [low, high]


def clipping(counts, width, last):
    if last <= 0:
        return np.zeros(1), np.zeros(1), np.zeros(1)
    bins = min(SIDE, int(last // width) + 1)
    ends = np.minimum(np.arange(bins + 1) * width, last)
    middles, counts = (ends[:-1] + ends[1:]) / 2, counts[:bins]
    errors = np.array([(counts[e:] * (middles[e:] - ends[e]) ** 2).sum() for e in range(bins + 1)])
    return ends, errors, np.concatenate([[0], np.cumsum(counts)])


def moving_average(values):
    low, high = values[0].min().astype(np.float64), values[0].max().astype(np.float64)
    for run in values[1:]:
        low, high = low + 0.01 * (run.min() - low), high + 0.01 * (run.max() - high)
    return [float(low), float(high)]


def main():
    os.makedirs(FOLDER, exist_ok=True)
    tensors = activations()
    with open(os.path.join(FOLDER, "activations.bin"), "wb") as file:
        for values in tensors.values():
            file.write(values.tobytes())
    ranges = {
        name: {
            "entropy": entropy(values), "mse": mse(values), "movingAverage": moving_average(values),
            "onnxruntime": {"minmax": onnxruntime_minmax(values), "percentile": onnxruntime_histogram("percentile", values)},
        }
        for name, values in tensors.items()
    }
    with open(os.path.join(FOLDER, "ranges.json"), "w", encoding="utf8") as file:
        json.dump({"runs": RUNS, "values": VALUES, "tensors": ranges}, file, indent=1)
        file.write("\n")


main()
