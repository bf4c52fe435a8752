"""Writes samples.json, which the tests of src/calibrate compare with: images by Pillow 13, texts by tokenizers, sound by scipy.

Needs numpy, pillow, tokenizers and scipy. Hashes of the shared data are computed where its folder is given: make_samples.py [DATA].
"""

import base64
import hashlib
import io
import json
import sys
import wave
from pathlib import Path

import numpy as np
import scipy.io.wavfile
import scipy.signal
from PIL import Image
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

OUT = Path(__file__).parent / "samples.json"
FILTERS = {
    "nearest": Image.NEAREST,
    "box": Image.BOX,
    "bilinear": Image.BILINEAR,
    "hamming": Image.HAMMING,
    "bicubic": Image.BICUBIC,
    "lanczos": Image.LANCZOS,
}


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def drawn(width: int, height: int) -> Image.Image:
    """A picture that the tests draw by the same formula."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return Image.fromarray(((x * 37 + y * 61 + c * 91 + x * y * 7) % 256).astype(np.uint8))


def resampled() -> list[dict]:
    sizes = [(8, 8), (46, 34), (11, 29), (40, 9), (23, 5), (30, 17), (1, 1)]
    image = drawn(23, 17)
    return [
        {"filter": name, "width": w, "height": h, "data": text(image.resize((w, h), kernel).tobytes())}
        for name, kernel in FILTERS.items()
        for w, h in sizes
    ]


def cropped(image: Image.Image, resize: int, height: int, width: int) -> Image.Image:
    """torchvision's Resize(resize) and CenterCrop((height, width)) of a PIL image."""
    w, h = image.size
    new = (resize, int(resize * h / w)) if w <= h else (int(resize * w / h), resize)
    image = image.resize(new, Image.BILINEAR)
    top, left = int(round((image.height - height) / 2.0)), int(round((image.width - width) / 2.0))
    return image.crop((left, top, left + width, top + height))


def letterboxed(image: Image.Image, height: int, width: int, pad: int) -> Image.Image:
    ratio = min(height / image.height, width / image.width)
    inner = image.resize((round(image.width * ratio), round(image.height * ratio)), Image.BILINEAR)
    out = Image.new("RGB", (width, height), (pad, pad, pad))
    out.paste(inner, ((width - inner.width) // 2, (height - inner.height) // 2))
    return out


def fitted() -> list[dict]:
    cases = []
    for w, h in [(23, 17), (17, 23), (20, 20)]:
        image = drawn(w, h)
        for resize, size in [(8, 8), (12, 8), (15, 11)]:
            cases.append({"image": [w, h], "options": {"resize": resize, "size": size}, "data": text(cropped(image, resize, size, size).tobytes())})
        cases.append({"image": [w, h], "options": {"fit": "letterbox", "size": [16, 19], "pad": 114}, "data": text(letterboxed(image, 16, 19, 114).tobytes())})
    cases.append({"image": [23, 17], "options": {"colors": "gray"}, "data": text(drawn(23, 17).convert("L").tobytes())})
    return cases


def normalized() -> str:
    mean, std = np.array((0.485, 0.456, 0.406), np.float32), np.array((0.229, 0.224, 0.225), np.float32)
    values = np.arange(256, dtype=np.uint8)[:, None].repeat(3, 1).astype(np.float32) / 255
    return text(((values - mean) / std).T.astype("<f4").tobytes())


def resampled_sound() -> dict:
    t = np.arange(700)
    sound = (0.6 * np.sin(t / 7) + 0.3 * np.cos(t * t / 900)).astype(np.float32).astype(np.float64)
    cases = []
    for source, target in [(48000, 16000), (44100, 16000), (8000, 16000), (11025, 16000), (16000, 22050)]:
        factor = np.gcd(source, target)
        out = scipy.signal.resample_poly(sound, target // factor, source // factor)
        cases.append({"from": source, "to": target, "data": text(out.astype("<f8").tobytes())})
    return {"sound": text(sound.astype("<f4").tobytes()), "cases": cases}


def clips() -> list[dict]:
    rng = np.random.default_rng(0)
    found = []
    for dtype in ["uint8", "int16", "int32", "float32", "float64"]:
        if dtype.startswith("float"):
            frames = rng.uniform(-1, 1, (9, 2)).astype(dtype)
            values = frames.astype(np.float32)
        else:
            info = np.iinfo(dtype)
            frames = rng.integers(info.min, info.max, (9, 2), dtype=dtype, endpoint=True)
            frames[0], frames[1] = info.min, info.max
            middle = 128 if dtype == "uint8" else 0
            values = ((frames.astype(np.float64) - middle) / 2.0 ** (info.bits - 1)).astype(np.float32)
        file = io.BytesIO()
        scipy.io.wavfile.write(file, 22050, frames)
        found.append({"name": dtype, "file": text(file.getvalue()), "values": text(values.T.astype("<f4").tobytes())})
    whole = rng.integers(-(2**23), 2**23, (9, 2))
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setparams((2, 3, 22050, 9, "NONE", ""))
        out.writeframes(b"".join(int(v).to_bytes(3, "little", signed=True) for v in whole.reshape(-1)))
    found.append({"name": "int24", "file": text(file.getvalue()), "values": text((whole / 2.0**23).astype("<f4").T.tobytes())})
    return found


LINES = [
    "The quick brown fox jumps over the lazy dog.",
    "  Pack my box,  with five dozen liquor jugs! ",
    "Übergrößen-Träger: naïve café",
    "日本語 and emoji 🙂 in one line",
    "a",
    "unbelievably uncharacteristically long",
]


def wordpiece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer.train_from_iterator(LINES[:3], trainers.WordPieceTrainer(vocab_size=120, special_tokens=specials, show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    return tokenizer


def bytelevel() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    specials = ["<s>", "<pad>", "</s>", "<unk>"]
    tokenizer.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=300, special_tokens=specials, initial_alphabet=alphabet, show_progress=False))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    tokenizer.enable_padding(pad_id=1, pad_token="<pad>", direction="left")
    return tokenizer


def texts() -> list[dict]:
    found = []
    for name, make, direction in [("wordpiece", wordpiece, "right"), ("bytelevel", bytelevel, "left")]:
        tokenizer = make()
        tokenizer.enable_truncation(512, direction=direction)
        json_text = tokenizer.to_str()
        cases = []
        for limit in [512, 9, 4]:
            tokenizer.enable_truncation(limit, direction=direction)
            tokenizer.no_padding()
            single = [e.ids for e in tokenizer.encode_batch(LINES)]
            tokenizer = Tokenizer.from_str(json_text)
            tokenizer.enable_truncation(limit, direction=direction)
            if tokenizer.padding is None:
                tokenizer.enable_padding()
            batch = tokenizer.encode_batch(LINES)
            cases.append({"maxLength": limit, "single": single, "ids": [e.ids for e in batch], "mask": [e.attention_mask for e in batch], "types": [e.type_ids for e in batch]})
        found.append({"name": name, "tokenizer": json.loads(json_text), "cases": cases})
    return found


def shared(data: Path) -> dict:
    mean, std = np.array((0.4914, 0.4822, 0.4465), np.float32), np.array((0.2470, 0.2435, 0.2616), np.float32)
    sha = hashlib.sha256()
    root = data / "cifar10/test"
    for path in sorted(root.glob("*/*.jpg"), key=lambda p: p.relative_to(root).as_posix()):
        pixels = np.asarray(Image.open(path).convert("RGB")).astype(np.float32) / 255
        sha.update(((pixels - mean) / std).transpose(2, 0, 1).astype("<f4").tobytes())
    found = {"cifar": sha.hexdigest()}
    for limit in [128, 16]:
        tokenizer = Tokenizer.from_file(str(data / "sst2/tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(limit)
        lines = [line.split("\t") for name in ["calib", "test"] for line in (data / f"sst2/{name}.tsv").read_text("utf8").splitlines()]
        rows = [[tokenizer.encode(words).ids, int(label)] for words, label in lines]
        found[f"sst{limit}"] = hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode()).hexdigest()
    return found


known = json.loads(OUT.read_text())["shared"] if OUT.exists() else {}
result = {
    "resampled": resampled(),
    "fitted": fitted(),
    "normalized": normalized(),
    "sound": resampled_sound(),
    "clips": clips(),
    "lines": LINES,
    "texts": texts(),
    "shared": shared(Path(sys.argv[1])) if len(sys.argv) > 1 else known,
}
OUT.write_text(json.dumps(result, separators=(",", ":"), ensure_ascii=False) + "\n")
