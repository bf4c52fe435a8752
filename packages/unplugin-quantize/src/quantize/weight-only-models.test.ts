import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { hasShared, models } from '../../../../test/support/models.ts';
import { outputsOf } from '../../../../test/support/packed-weights.ts';
import { quantize } from '../../../../test/support/quantize-model.ts';
import { realFeeds } from '../../../../test/support/real-feeds.ts';
import type { Format } from '../types.ts';

type Name = keyof typeof models;

/** Largest size in bytes and lowest cosine of the first output on one seeded input, which is noise and harder than what the models are for. */
const SHARED: [Name, Format, number, number][] = [
  ['charlm', 'int4', 5_400_000, 0.99],
  ['charlm', 'int4-storage', 4_700_000, 0.99],
  ['charlm', 'int4-fp16', 4_700_000, 0.99],
  ['charlm', 'int8-weight', 8_500_000, 0.9999],
  ['sentiment', 'int4', 14_700_000, 0.98],
  ['sentiment', 'int4-storage', 13_700_000, 0.98],
  ['sentiment', 'int8-weight', 24_500_000, 0.9999],
];
const FROM_PACKAGES: [Name, Format, number, number][] = [
  ['ocrRecognition', 'int4-storage', 3_000_000, 0.9],
  ['ocrRecognition', 'int4', 3_000_000, 0.9],
  ['ocrRecognition', 'int8-weight', 3_000_000, 0.99],
];

describe.skipIf(!hasShared)('shared models', () => {
  it.each(SHARED)('%s as %s', expectSmallAndNear);
});

describe('models of packages', () => {
  it.each(FROM_PACKAGES)('%s as %s', expectSmallAndNear);
});

async function expectSmallAndNear(name: Name, format: Format, maxBytes: number, cosine: number): Promise<void> {
  const source = readFileSync(models[name]);
  const { bytes } = quantize(source, { format, keepNames: false });
  expect(bytes.byteLength).toBeLessThanOrEqual(maxBytes);
  const [expected] = await outputsOf(source, realFeeds[name]());
  for (const found of await outputsOf(bytes, realFeeds[name]())) expect(cosineOf(found, expected!)).toBeGreaterThan(cosine);
}

function cosineOf(a: readonly number[], b: readonly number[]): number {
  const dot = (x: readonly number[], y: readonly number[]): number => x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}
