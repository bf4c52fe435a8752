"""Metrics of outputs and of tasks by scipy, scikit-learn, jiwer and pycocotools on seeded values.

    python make_metrics.py    # with numpy, scipy, scikit-learn, jiwer and pycocotools; writes metrics.json
"""
import contextlib
import io
import json
import os

import jiwer
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy.special import rel_entr, softmax
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, log_loss, mean_absolute_error, top_k_accuracy_score
from sklearn.metrics.pairwise import cosine_similarity

rng = np.random.default_rng(8)


def outputs():
    """Two samples of 6 rows of 12 scores, the artefact's with noise."""
    source = rng.normal(0, 2, (2, 6, 12)).astype(np.float32)
    found = (source + rng.normal(0, 4, source.shape)).astype(np.float32)
    a, b = source.astype(np.float64), found.astype(np.float64)
    cosines = [float(cosine_similarity(x.reshape(1, -1), y.reshape(1, -1))[0, 0]) for x, y in zip(a, b)]
    rows, found_rows = a.reshape(-1, 12), b.reshape(-1, 12)
    answers = rows.argmax(-1)
    probabilities = [softmax(x, -1).astype(np.float32) for x in (rows, found_rows)]
    # A quantized softmax: most probabilities are 0.
    coarse = np.round(probabilities[1] * 16) / 16
    coarse[:, 0] += 1 - coarse.sum(-1)
    coarse = np.maximum(coarse, 0).astype(np.float32)
    p, q = (x.astype(np.float64) / x.astype(np.float64).sum(-1, keepdims=True) for x in (probabilities[0], coarse))
    return {
        "source": source.reshape(2, -1).tolist(), "found": found.reshape(2, -1).tolist(), "dims": [6, 12],
        "cosines": cosines,
        "sqnr": float(10 * np.log10((a**2).sum() / ((a - b) ** 2).sum())),
        "maxAbsError": float(np.abs(a - b).max()),
        "meanAbsError": float(mean_absolute_error(a.ravel(), b.ravel())),
        "top1": float(accuracy_score(answers, found_rows.argmax(-1))),
        "top5": float(top_k_accuracy_score(answers, found_rows, k=5, labels=range(12))),
        "kl": float(rel_entr(softmax(rows, -1), softmax(found_rows, -1)).sum(-1).mean()),
        "probabilities": [x.ravel().tolist() for x in (probabilities[0], coarse)],
        "klOfProbabilities": float(rel_entr(p, np.maximum(q, np.minimum(p, 1e-7))).sum(-1).mean()),
    }


def classes():
    labels = rng.integers(0, 4, 60)
    answers = np.where(rng.random(60) < 0.6, labels, rng.integers(0, 5, 60))
    scores = rng.normal(0, 1, (60, 7))
    scores[np.arange(60), labels] += 1
    return {
        "labels": labels.tolist(), "answers": answers.tolist(), "scores": scores.ravel().tolist(), "width": 7,
        "accuracy": accuracy_score(labels, answers),
        "top3": float(top_k_accuracy_score(labels, scores, k=3, labels=range(7))),
        "f1": {average: float(f1_score(labels, answers, average=average)) for average in ("macro", "micro", "weighted")},
        "f1Binary": float(f1_score(labels == 2, answers == 2)),
        "perplexity": float(np.exp(log_loss(labels, softmax(scores, -1), labels=range(7)))),
    }


def texts():
    said = ["the cat sat on the mat", "speech   is silver", "a b c", "naïve café 東京", "one"]
    heard = ["the cat sat on mat", "peach is silver too", "", "naive café 東", "one one two"]
    return {"said": said, "heard": heard, "wer": jiwer.wer(said, heard), "cer": jiwer.cer(said, heard)}


def correlations():
    expected = rng.integers(0, 11, 40) / 2
    found = expected + rng.normal(0, 1.5, 40).round(1)
    return {"expected": expected.tolist(), "found": found.tolist(), "spearman": float(spearmanr(found, expected).statistic), "pearson": float(pearsonr(found, expected).statistic)}


def detections():
    images, truths, founds = [], [], []
    for image in range(8):
        images.append({"id": image + 1, "width": 100, "height": 100})
        for _ in range(rng.integers(1, 6)):
            x, y, w, h = rng.uniform(0, 60, 2).tolist() + rng.uniform(10, 40, 2).tolist()
            one = int(rng.integers(0, 3))
            truths.append({"id": len(truths) + 1, "image_id": image + 1, "category_id": one, "bbox": [x, y, w, h], "area": w * h, "iscrowd": 0})
            for _ in range(rng.integers(0, 3)):
                box = (np.array([x, y, w, h]) + rng.normal(0, 2.5, 4)).tolist()
                founds.append({"image_id": image + 1, "category_id": one if rng.random() < 0.85 else int(rng.integers(0, 4)), "bbox": box, "score": float(rng.random())})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {"images": images, "annotations": truths, "categories": [{"id": i, "name": str(i)} for i in range(4)]}
        coco.createIndex()
        run = COCOeval(coco, coco.loadRes(founds), "bbox")
        run.evaluate()
        run.accumulate()
        run.summarize()

    def plain(object):
        x, y, w, h = object["bbox"]
        return {"image": object["image_id"] - 1, "class": object["category_id"], "box": [x, y, x + w, y + h], **({"score": object["score"]} if "score" in object else {})}

    return {"images": len(images), "expected": [plain(x) for x in truths], "found": [plain(x) for x in founds], "map": run.stats[0], "ap50": run.stats[1], "ap75": run.stats[2]}


parts = {"outputs": outputs(), "classes": classes(), "texts": texts(), "correlations": correlations(), "detections": detections()}
path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "metrics.json")
with open(path, "w", encoding="utf8") as file:
    json.dump(parts, file, ensure_ascii=False)
    file.write("\n")
