import * as fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BLOCK_ALGORITHMS, type BlockAlgorithm } from '../../options.ts';
import { ALGORITHMS } from './algorithms.ts';
import { halfScale, middleLevel, topLevel, type BlockCode, type BlockType } from './block-code.ts';

const TYPES: BlockType[] = [4, 8].flatMap((bits) => [true, false].map((symmetric) => ({ bits, symmetric }) as BlockType));
const all = BLOCK_ALGORITHMS.flatMap((algorithm) => TYPES.map((type) => [algorithm, type] as const));

interface Quantized extends BlockCode {
  levels: number[];
  /** Sum of squared errors of what an engine reads. */
  error: number;
}

function quantize(algorithm: BlockAlgorithm, type: BlockType, elements: readonly number[]): Quantized {
  const block = Float64Array.from(elements, Math.fround);
  const levels = new Uint8Array(block.length);
  const code: BlockCode = { scale: NaN, zeroPoint: NaN };
  ALGORITHMS[algorithm](type)(block, levels, code);
  return { ...code, levels: [...levels], error: errorOf(block, [...levels], code) };
}

function errorOf(block: ArrayLike<number> & Iterable<number>, levels: readonly number[], { scale, zeroPoint }: BlockCode): number {
  return Array.from(block, (x, i) => (x - halfScale(scale) * (levels[i]! - zeroPoint)) ** 2).reduce((a, b) => a + b, 0);
}

/** The least squared error over all zero points and very many scales of either sign, each with the nearest levels. */
function leastError(elements: readonly number[], type: BlockType): number {
  const top = topLevel(type);
  const low = Math.min(0, ...elements);
  const width = Math.max(0, ...elements) - low;
  const zeroPoints = type.symmetric ? [middleLevel(type)] : Array.from({ length: top + 1 }, (_, i) => i);
  let least = Infinity;
  for (const zeroPoint of zeroPoints) {
    for (let step = -400; step <= 400; step++) {
      const scale = halfScale((width / top) * (step / 200));
      if (scale === 0) continue;
      const levels = elements.map((x) => Math.min(top, Math.max(0, Math.round(x / scale) + zeroPoint)));
      least = Math.min(least, errorOf(elements, levels, { scale, zeroPoint }));
    }
  }
  return least;
}

/** Sums of uniform numbers, so that blocks have few large elements, as trained weights do. */
function seededBlock(seed: number, length: number): number[] {
  let state = seed;
  const uniform = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1;
  return Array.from({ length }, () => Math.fround((uniform() + uniform() + uniform()) * 0.05));
}

describe('search', () => {
  it.each([[16, 1.04], [32, 1.02]])('comes near the least squared error of blocks of %i', (length, factor) => {
    for (const symmetric of [true, false]) {
      const type: BlockType = { bits: 4, symmetric };
      let [found, least] = [0, 0];
      for (let seed = 1; seed <= 40; seed++) {
        const block = seededBlock(seed, length);
        found += quantize('search', type, block).error;
        least += leastError(block, type);
      }
      // Least squares may fall between two steps of the brute force, so that the search can win too.
      expect(found / least).toBeLessThan(factor);
      expect(found / least).toBeGreaterThan(0.97);
    }
  });

  it('is better than rounding to nearest, and zero points than none', () => {
    const total = (algorithm: BlockAlgorithm, type: BlockType): number =>
      Array.from({ length: 100 }, (_, seed) => quantize(algorithm, type, seededBlock(seed, 32)).error).reduce((a, b) => a + b, 0);
    for (const type of TYPES) expect(total('search', type)).toBeLessThan(0.96 * total('rtn', type));
    for (const bits of [4, 8] as const) expect(total('search', { bits, symmetric: false })).toBeLessThan(total('search', { bits, symmetric: true }));
  });
});

describe('k-quant', () => {
  interface Reference { name: string; dims: [number, number]; size: number; weight: string; kQuant?: { bits: 4 | 8; levels: string; scales: string; zeroPoints: string }[] }
  const references: Reference[] = JSON.parse(readFileSync(new URL('../../../../../test/reference/quantize/blocks.json', import.meta.url), 'utf8'));
  const cases = references.flatMap((reference) => (reference.kQuant ?? []).map((expected) => [`${reference.name}, ${expected.bits} bits`, reference, expected] as const));

  it.each(cases)("finds onnxruntime.quantization's scales and zero points of %s", (_, { dims: [rows, columns], size, weight }, { bits, levels, scales, zeroPoints }) => {
    const values = new Float32Array(bytesOf(weight).buffer);
    const [expectedLevels, expectedScales, expectedZeroPoints] = [bytesOf(levels), new Float32Array(bytesOf(scales).buffer), bytesOf(zeroPoints)];
    let [alike, levelsAlike] = [0, 0];
    for (let block = 0; block < expectedScales.length; block++) {
      const [column, start] = [Math.floor((block * size) / rows), (block * size) % rows];
      const elements = Array.from({ length: size }, (_, i) => values[(start + i) * columns + column]!);
      const found = quantize('k-quant', { bits, symmetric: false }, elements);
      const isAlike = found.zeroPoint === expectedZeroPoints[block] && found.scale === halfScale(expectedScales[block]!);
      alike += isAlike ? 1 : 0;
      if (isAlike) levelsAlike += found.levels.filter((level, i) => level === expectedLevels[block * size + i]).length / size;
    }
    // Theirs is computed in float32, so that of two candidates that are as good the other one may win; scales are rounded here.
    expect(alike / expectedScales.length).toBeGreaterThan(0.95);
    expect(levelsAlike / alike).toBeGreaterThan(bits === 4 ? 0.99 : 0.9);
  });

  it('is compared in cases of both bits', () => {
    expect(new Set(cases.map(([, , { bits }]) => bits))).toEqual(new Set([4, 8]));
    expect(cases.length).toBeGreaterThan(7);
  });
});

describe('hqq', () => {
  it('lets a few elements be far off so that most are near', () => {
    const block = [...seededBlock(7, 31), 1];
    const median = (algorithm: BlockAlgorithm): number => {
      const { levels, scale, zeroPoint } = quantize(algorithm, { bits: 4, symmetric: false }, block);
      return block.map((x, i) => Math.abs(x - scale * (levels[i]! - zeroPoint))).sort((a, b) => a - b)[16]!;
    };
    expect(median('hqq')).toBeLessThanOrEqual(median('rtn'));
  });
});

describe.each(all)('%s %o', (algorithm, type) => {
  const top = topLevel(type);
  const finite = fc.array(fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 }), { minLength: 1, maxLength: 64 });

  it('gives levels of its bits, and half a step of error where nothing is clipped', () => {
    fc.assert(fc.property(finite, (elements) => {
      const { levels, scale, zeroPoint, error } = quantize(algorithm, type, elements);
      expect(Number.isFinite(scale)).toBe(true);
      expect(zeroPoint).toBe(type.symmetric ? middleLevel(type) : zeroPoint);
      for (const level of [...levels, zeroPoint]) expect(level === Math.trunc(level) && level >= 0 && level <= top).toBe(true);
      // All elements as zero is the worst that a search may settle for; rounding to nearest may be worse only below float16.
      const allZero = elements.reduce((sum, x) => sum + x * x, 0);
      expect(error).toBeLessThanOrEqual(algorithm === 'rtn' ? Infinity : 1.0001 * allZero + 1e-12);
    }));
  });

  it('keeps zeros exact', () => {
    expect(quantize(algorithm, type, Array<number>(16).fill(0)).error).toBe(0);
    const { levels, zeroPoint } = quantize(algorithm, type, [0, 1, 0, -1, 0, 0.5, 0.25, -0.5]);
    expect(levels[0]).toBe(zeroPoint);
  });

  it('keeps what its levels can hold', () => {
    // All levels around the middle, times a power of two.
    const elements = Array.from({ length: top + 1 }, (_, level) => (level - middleLevel(type)) / 8);
    const { error } = quantize(algorithm, type, elements);
    expect(error).toBeLessThan(1e-12);
  });

  it.each([[NaN], [Infinity], [-Infinity]])('gives no scale to a block with %d, wherever it is', (bad) => {
    for (const at of [0, 1, 7]) {
      const elements = seededBlock(1, 8);
      elements[at] = bad;
      expect(Number.isFinite(quantize(algorithm, type, elements).scale)).toBe(false);
    }
    expect(Number.isFinite(quantize(algorithm, type, [Infinity, -Infinity]).scale)).toBe(false);
  });

  it('takes elements below the range of float16 for zero', () => {
    const { scale, levels, zeroPoint } = quantize(algorithm, type, [1e-12, -3e-13, 2e-45, 0]);
    expect(levels.map((level) => halfScale(scale) * (level - zeroPoint)).every((x) => x === 0)).toBe(true);
  });

  it('leaves nothing from one block to the next', () => {
    const quantizer = ALGORITHMS[algorithm](type);
    const run = (elements: number[]): [number, number, ...number[]] => {
      const levels = new Uint8Array(elements.length);
      const code = { scale: 0, zeroPoint: 0 };
      quantizer(Float64Array.from(elements), levels, code);
      return [code.scale, code.zeroPoint, ...levels];
    };
    const first = run(seededBlock(5, 32));
    run(seededBlock(6, 16).map((x) => x * 1000));
    run([NaN, 1]);
    expect(run(seededBlock(5, 32))).toEqual(first);
  });
});

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(text, 'base64'));
}
