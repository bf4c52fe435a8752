import { describe, expect, it } from 'vitest';
import type { SampleTensor } from '../calibrate/index.ts';
import { answerMeter } from './answers.ts';

/** Scores whose largest element is the class. */
function scores(classes: readonly number[], width = 3): SampleTensor {
  const data = new Float32Array(classes.length * width);
  classes.forEach((index, row) => (data[row * width + index] = 1));
  return { dtype: 'float32', dims: [classes.length, width], data };
}

const labels = (...indices: number[]): { name: string; index: number }[] => indices.map((index) => ({ name: String(index), index }));

describe('answerMeter', () => {
  it('counts right answers of both, with the interval of the loss', () => {
    const meter = answerMeter();
    // Right by both 2, only by the source 3, only by the artefact 1, by neither 2.
    meter.add(labels(0, 1, 2, 2), scores([0, 1, 2, 2]), scores([0, 1, 0, 0]));
    meter.add(labels(0, 1, 2, 0), scores([0, 0, 0, 1]), scores([1, 1, 0, 1]));
    expect(meter.result()).toEqual({ name: 'accuracy', from: 'labels', source: 5 / 8, artefact: 3 / 8, answers: 8, margin: expect.closeTo((1.959964 * Math.sqrt(4 - 4 / 8)) / 8, 12) });
    expect(meter.notes()).toEqual([]);
  });

  it('takes the source\'s answers for right where a label is missing', () => {
    const meter = answerMeter();
    meter.add(labels(0), scores([0]), scores([0]));
    meter.add(undefined, scores([1, 2]), scores([1, 0]));
    expect(meter.result()).toMatchObject({ from: 'agreement', source: 1, artefact: 2 / 3, answers: 3 });
    expect(meter.notes()).toEqual([expect.stringContaining('2 of 3 answers have no label that fits')]);
  });

  it('knows nothing without rows, of one class, or of rows that are not the labels\'', () => {
    const meter = answerMeter();
    expect(meter.result()).toBeNull();
    meter.add(labels(0), scores([0], 1), scores([0], 1));
    expect(meter.result()).toBeNull();
    meter.add(labels(0, 1), scores([0]), scores([0]));
    expect(meter.result()).toMatchObject({ from: 'agreement' });
  });

  it('says when the labels can hardly be the model\'s classes', () => {
    const meter = answerMeter();
    meter.add(labels(0, 1, 2), scores([1, 2, 0]), scores([1, 2, 0]));
    expect(meter.notes()).toEqual([expect.stringContaining('only 0.0 % of the labels')]);
  });
});
