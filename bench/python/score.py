"""Scores models on labelled data with onnxruntime on the CPU: score.py KIND DATA MODEL... Prints {"scores": [...], "ms": [...]}."""
import json
import statistics
import sys
import time

import numpy as np
import onnxruntime as ort

from datasets import DATASETS

kind, data, *models = sys.argv[1:]


def accuracy(session, feeds):
    right = total = 0
    for feed, labels in feeds:
        right += int((session.run(None, feed)[0].argmax(-1) == np.array(labels)).sum())
        total += len(labels)
    return 100 * right / total


def perplexity(session, feeds):
    losses = []
    for feed, targets in feeds:
        logits = session.run(None, feed)[0][0].astype(np.float64)
        logits -= logits.max(-1, keepdims=True)
        losses.append(float(np.mean(np.log(np.exp(logits).sum(-1)) - logits[np.arange(len(targets)), targets])))
    return float(np.exp(np.mean(losses)))


TIMED = {
    "sst2": {"input_ids": np.full((1, 64), 2000), "attention_mask": np.ones((1, 64), np.int64)},
    "cifar10": {"image": np.zeros((16, 3, 32, 32), np.float32)},
    "charlm": {"input_ids": np.arange(128)[None] % 65},
}
SCORES = {"sst2": accuracy, "cifar10": accuracy, "charlm": perplexity}

score = SCORES[kind]
feeds = list(DATASETS[kind](data, "test", 200 if kind == "charlm" else 1_000_000, 100))
options = ort.SessionOptions()
options.log_severity_level = 3
scores = [score(ort.InferenceSession(model, options), feeds) for model in models]

options.intra_op_num_threads = 1
sessions = [ort.InferenceSession(model, options) for model in models]
times = [[] for _ in models]
for _ in range(40):
    for session, spent in zip(sessions, times):
        start = time.perf_counter()
        session.run(None, TIMED[kind])
        spent.append(1000 * (time.perf_counter() - start))
print(json.dumps({"scores": scores, "ms": [statistics.median(spent[5:]) for spent in times]}))
