import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  accuracy, characterErrorRate, classesOf, f1Score, intersectionOverUnion, meanAveragePrecision, pearson, perplexity, spearman, topKAccuracy, wordErrorRate, type Box, type DetectedImage,
} from './index.ts';

interface Reference {
  classes: { labels: number[]; answers: number[]; scores: number[]; width: number; accuracy: number; top3: number; f1: Record<'macro' | 'micro' | 'weighted', number>; f1Binary: number; perplexity: number };
  texts: { said: string[]; heard: string[]; wer: number; cer: number };
  correlations: { expected: number[]; found: number[]; spearman: number; pearson: number };
  detections: { images: number; expected: ReferenceBox[]; found: (ReferenceBox & { score: number })[]; map: number; ap50: number; ap75: number };
}

interface ReferenceBox {
  image: number;
  class: number;
  box: [number, number, number, number];
}

const { classes, texts, correlations, detections } = JSON.parse(readFileSync(join(import.meta.dirname, '../../../../test/reference/metrics.json'), 'utf8')) as Reference;
const { labels, answers } = classes;
const scores = { data: classes.scores, dims: [labels.length, classes.width] };
const BAD = expect.objectContaining({ code: 'SAMPLES_INVALID' });

/** Sums of a hundred doubles in another order differ by less. */
const DIGITS = 12;

describe('metrics of tasks, beside scikit-learn, scipy, jiwer and pycocotools', () => {
  it('accuracy', () => {
    expect(accuracy(answers, labels)).toBe(classes.accuracy);
    expect(accuracy(BigInt64Array.from(answers, BigInt), Int32Array.from(labels))).toBe(classes.accuracy);
  });
  it('top-k accuracy', () => {
    expect(topKAccuracy(scores, labels, 3)).toBe(classes.top3);
    expect(topKAccuracy(scores, labels, 1)).toBe(accuracy(classesOf(scores), labels));
    expect(topKAccuracy(scores, labels, 7)).toBe(1);
  });
  it.each(['macro', 'micro', 'weighted'] as const)('F1, %s', (average) => expect(f1Score(answers, labels, { average })).toBeCloseTo(classes.f1[average], DIGITS));
  it('F1 of one class', () => expect(f1Score(answers, labels, { positive: 2 })).toBeCloseTo(classes.f1Binary, DIGITS));
  it('perplexity', () => {
    expect(perplexity([{ scores, targets: labels }])).toBeCloseTo(classes.perplexity, DIGITS);
    const half = scores.data.length / 2;
    const parts = [0, 1].map((i) => ({ scores: { data: scores.data.slice(i * half, (i + 1) * half), dims: [1, 30, 7] }, targets: labels.slice(i * 30, (i + 1) * 30) }));
    expect(perplexity(parts)).toBeCloseTo(classes.perplexity, DIGITS);
  });
  it('word and character error rate', () => {
    expect(wordErrorRate(texts.heard, texts.said)).toBe(texts.wer);
    expect(characterErrorRate(texts.heard, texts.said)).toBe(texts.cer);
  });
  it('correlation, with equal values', () => {
    expect(spearman(correlations.found, correlations.expected)).toBeCloseTo(correlations.spearman, DIGITS);
    expect(pearson(correlations.found, correlations.expected)).toBeCloseTo(correlations.pearson, DIGITS);
  });
  it('mean average precision', () => {
    const of = <T extends ReferenceBox>(objects: T[], image: number): T[] => objects.filter((object) => object.image === image);
    const images: DetectedImage[] = Array.from({ length: detections.images }, (_, i) => ({ found: of(detections.found, i), expected: of(detections.expected, i) }));
    expect(meanAveragePrecision(images)).toBeCloseTo(detections.map, DIGITS);
    expect(meanAveragePrecision(images, { thresholds: [0.5] })).toBeCloseTo(detections.ap50, DIGITS);
    expect(meanAveragePrecision(images, { thresholds: [0.75] })).toBeCloseTo(detections.ap75, DIGITS);
  });
});

describe('metrics of tasks, by hand', () => {
  it('the first of equal scores wins, and NaN', () => {
    expect(classesOf({ data: [1, 1, 0, 0, 2, Number.NaN], dims: [2, 3] })).toEqual([0, 2]);
    const tied = { data: [1, 1, 1], dims: [1, 3] };
    expect([0, 1, 2].map((label) => topKAccuracy(tied, [label], 2))).toEqual([1, 1, 0]);
    expect(topKAccuracy(tied, [3], 3)).toBe(0);
  });
  it('perplexity leaves negative targets out, and does not overflow', () => {
    expect(perplexity([{ scores: { data: [1000, 1000, 5, 5], dims: [2, 2] }, targets: [1n, -100n] }])).toBeCloseTo(2, DIGITS);
  });
  it('F1 of a class that does not occur is 0', () => expect(f1Score([0, 0], [0, 0])).toBe(0));
  it('what is constant correlates with nothing', () => {
    expect(spearman([1, 1, 1], [1, 2, 3])).toBe(0);
    expect(spearman([3, 2, 1], [1, 2, 3])).toBeCloseTo(-1, DIGITS);
    expect(spearman([1, Number.NaN, 3], [1, 2, 3])).toBeNaN();
  });
  it('boxes', () => {
    const a: Box = [0, 0, 2, 2];
    expect(intersectionOverUnion(a, [1, 0, 3, 2])).toBe(2 / 6);
    expect(intersectionOverUnion(a, [2, 0, 4, 2])).toBe(0);
    expect(intersectionOverUnion(a, a)).toBe(1);
  });
  it('a second box on one object is wrong', () => {
    const object = { box: [0, 0, 10, 10] as Box, class: 1 };
    const found = [{ ...object, score: 0.9 }, { ...object, score: 0.95 }];
    expect(meanAveragePrecision([{ found, expected: [object] }])).toBeCloseTo(1, DIGITS);
    expect(meanAveragePrecision([{ found: [], expected: [object] }])).toBe(0);
    // One of two objects is found before a wrong box: precision 1 up to recall 0.5, which is 51 of 101 points.
    const other = { box: [50, 50, 60, 60] as Box, class: 1 };
    expect(meanAveragePrecision([{ found, expected: [object, other] }])).toBeCloseTo(51 / 101, DIGITS);
  });

  it.each<[string, () => number]>([
    ['lists of two lengths', () => accuracy([1], [1, 2])],
    ['nothing', () => accuracy([], [])],
    ['F1 of nothing', () => f1Score([], [])],
    ['rows without labels', () => topKAccuracy(scores, [1])],
    ['dims that hold something else', () => classesOf({ data: [1, 2, 3], dims: [2, 2] }).length],
    ['a token that is no column', () => perplexity([{ scores: { data: [1, 2], dims: [1, 2] }, targets: [2] }])],
    ['no token', () => perplexity([])],
    ['empty texts', () => wordErrorRate(['a'], [' '])],
    ['no object', () => meanAveragePrecision([{ found: [], expected: [] }])],
  ])('refuses %s', (_, run) => expect(run).toThrowError(BAD));
});
