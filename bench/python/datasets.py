"""Labelled data in the shape that the models take: DATASETS[KIND](FOLDER, PART, LIMIT, BATCH) yields (feeds, labels)."""
import itertools
import json
import os

import numpy as np


def sst2(folder, part, limit, _batch):
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    tokenizer.enable_truncation(128)
    tokenizer.no_padding()
    with open(os.path.join(folder, f"{part}.tsv"), encoding="utf8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in itertools.islice(lines, limit)]
    for text, label in rows:
        ids = np.array([tokenizer.encode(text).ids])
        yield {"input_ids": ids, "attention_mask": np.ones_like(ids)}, [int(label)]


def cifar10(folder, part, limit, batch):
    from PIL import Image
    mean, std = np.array([0.4914, 0.4822, 0.4465]), np.array([0.2470, 0.2435, 0.2616])
    root = os.path.join(folder, part)
    names = sorted(os.listdir(root))
    files = [sorted(os.path.join(root, name, file) for file in os.listdir(os.path.join(root, name))) for name in names]
    # One of each class after the other, so that a part of them has all classes.
    turns = [(file, label) for turn in itertools.zip_longest(*files) for label, file in enumerate(turn) if file is not None]
    chosen = turns[:limit]
    for start in range(0, len(chosen), batch):
        part_of = chosen[start:start + batch]
        pixels = [np.asarray(Image.open(file).convert("RGB")) / 255 for file, _ in part_of]
        images = np.stack([((image - mean) / std).transpose(2, 0, 1).astype(np.float32) for image in pixels])
        yield {"image": images}, [label for _, label in part_of]


def charlm(folder, _part, limit, _batch):
    with open(os.path.join(folder, "chars.json"), encoding="utf8") as file:
        chars = json.load(file)
    index = chars if isinstance(chars, dict) else {char: i for i, char in enumerate(chars)}
    with open(os.path.join(folder, "valid.txt"), encoding="utf8") as file:
        ids = np.array([index[char] for char in file.read()])
    for window in range(limit):
        part = ids[window * 256:window * 256 + 257]
        yield {"input_ids": part[None, :-1]}, part[1:]


DATASETS = {"sst2": sst2, "cifar10": cifar10, "charlm": charlm}
