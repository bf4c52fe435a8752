"""Scores models on labelled data with onnxruntime on the CPU: score.py KIND DATA MODEL... Prints {"scores": [...], "ms": [...]}."""
import json
import os
import statistics
import sys
import time

import numpy as np
import onnxruntime as ort

kind, data, *models = sys.argv[1:]


def sst2():
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(os.path.join(data, "tokenizer.json"))
    tokenizer.enable_truncation(128)
    tokenizer.no_padding()
    with open(os.path.join(data, "test.tsv"), encoding="utf8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines]
    for text, label in rows:
        ids = np.array([tokenizer.encode(text).ids])
        yield {"input_ids": ids, "attention_mask": np.ones_like(ids)}, [int(label)]


def cifar10():
    from PIL import Image
    mean, std = np.array([0.4914, 0.4822, 0.4465]), np.array([0.2470, 0.2435, 0.2616])
    folder = os.path.join(data, "test")
    images, labels = [], []
    for label, name in enumerate(sorted(os.listdir(folder))):
        for file in sorted(os.listdir(os.path.join(folder, name))):
            pixels = np.asarray(Image.open(os.path.join(folder, name, file)).convert("RGB")) / 255
            images.append(((pixels - mean) / std).transpose(2, 0, 1).astype(np.float32))
            labels.append(label)
    for start in range(0, len(images), 100):
        yield {"image": np.stack(images[start:start + 100])}, labels[start:start + 100]


def charlm():
    with open(os.path.join(data, "chars.json"), encoding="utf8") as file:
        chars = json.load(file)
    index = chars if isinstance(chars, dict) else {char: i for i, char in enumerate(chars)}
    with open(os.path.join(data, "valid.txt"), encoding="utf8") as file:
        ids = np.array([index[char] for char in file.read()])
    for window in range(200):
        part = ids[window * 256:window * 256 + 257]
        yield {"input_ids": part[None, :-1]}, part[1:]


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
SETS = {"sst2": (sst2, accuracy), "cifar10": (cifar10, accuracy), "charlm": (charlm, perplexity)}

make, score = SETS[kind]
feeds = list(make())
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
