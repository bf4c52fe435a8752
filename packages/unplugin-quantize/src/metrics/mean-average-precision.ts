import { QuantizeError } from '../errors.ts';
import { intersectionOverUnion, type Box } from './boxes.ts';

export interface TrueObject {
  box: Box;
  class: number;
}

export interface FoundObject extends TrueObject {
  score: number;
}

export interface DetectedImage {
  found: readonly FoundObject[];
  expected: readonly TrueObject[];
}

export interface PrecisionOptions {
  /** Intersections over union from which on a box counts as found. @default 0.5, 0.55 to 0.95, as COCO averages them */
  thresholds?: readonly number[];
  /** Boxes of an image that count for each class, those of the highest scores. @default 100 */
  largest?: number;
}

const COCO = Array.from({ length: 10 }, (_, i) => 0.5 + i * ((0.95 - 0.5) / 9));
const RECALLS = Array.from({ length: 101 }, (_, i) => i * 0.01);

/**
 * Mean average precision of detections, 0 to 1, as COCO's evaluation computes it (101 points of recall, all sizes, no crowds): mean over thresholds
 * and over the classes that are expected anywhere. `{ thresholds: [0.5] }` gives AP50.
 *
 * @throws QuantizeError SAMPLES_INVALID where no object is expected in any image
 */
export function meanAveragePrecision(images: readonly DetectedImage[], { thresholds = COCO, largest = 100 }: PrecisionOptions = {}): number {
  const classes = [...new Set(images.flatMap(({ expected }) => expected.map((object) => object.class)))];
  if (classes.length === 0) throw new QuantizeError('SAMPLES_INVALID', 'meanAveragePrecision was given no image with an expected object.');
  let sum = 0;
  for (const one of classes) {
    const ofClass = images.map(({ found, expected }) => ({
      found: found.filter((object) => object.class === one).toSorted((a, b) => b.score - a.score).slice(0, largest),
      expected: expected.filter((object) => object.class === one),
    }));
    for (const threshold of thresholds) sum += averagePrecision(ofClass, threshold);
  }
  return sum / (classes.length * thresholds.length);
}

function averagePrecision(images: readonly DetectedImage[], threshold: number): number {
  const expected = images.reduce((sum, image) => sum + image.expected.length, 0);
  const decisions = images.flatMap((image) => matchObjects(image, threshold)).sort((a, b) => b.score - a.score);
  const recalls = new Float64Array(decisions.length);
  const precisions = new Float64Array(decisions.length);
  let right = 0;
  for (const [i, { isRight }] of decisions.entries()) {
    if (isRight) right++;
    recalls[i] = right / expected;
    precisions[i] = right / (i + 1);
  }
  // A lower threshold of scores may only be better.
  for (let i = precisions.length - 2; i >= 0; i--) precisions[i] = Math.max(precisions[i]!, precisions[i + 1]!);
  let [at, sum] = [0, 0];
  for (const recall of RECALLS) {
    while (at < recalls.length && recalls[at]! < recall) at++;
    sum += precisions[at] ?? 0;
  }
  return sum / RECALLS.length;
}

/** Each found object takes the free expected one that it overlaps most; the highest score chooses first, the last of equals is taken. */
function matchObjects({ found, expected }: DetectedImage, threshold: number): { score: number; isRight: boolean }[] {
  const taken = new Set<number>();
  return found.map(({ box, score }) => {
    let [best, match] = [Math.min(threshold, 1 - 1e-10), -1];
    for (const [i, object] of expected.entries()) {
      if (taken.has(i)) continue;
      const overlap = intersectionOverUnion(box, object.box);
      if (overlap >= best) [best, match] = [overlap, i];
    }
    if (match >= 0) taken.add(match);
    return { score, isRight: match >= 0 };
  });
}
