import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { choleskyInPlace, inverseFactor, invertLowerInPlace } from './cholesky.ts';
import { factorFinder, hessianFactor } from './hessian.ts';

interface Reference { name: string; n: number; a: string; factor: string; inverseFactor: string }
const { matrices }: { matrices: Reference[] } = JSON.parse(readFileSync(new URL('../../../../../test/reference/quantize/gptq.json', import.meta.url), 'utf8'));
const cases = matrices.map((matrix) => [matrix.name, matrix] as const);

const decode = (text: string): Float64Array => new Float64Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer);

/** Elements as far apart as rounding makes them in a matrix whose condition number is at most 1e5. */
function expectNear(found: Float64Array, expected: Float64Array): void {
  const scale = expected.reduce((max, x) => Math.max(max, Math.abs(x)), 0);
  expect(found).toHaveLength(expected.length);
  for (const [i, x] of found.entries()) expect(Math.abs(x - expected[i]!)).toBeLessThanOrEqual(1e-10 * scale);
}

describe("numpy's results are found for", () => {
  it.each(cases)('the Cholesky factor: %s', (_, { n, a, factor }) => {
    const found = decode(a);
    expect(choleskyInPlace(found, n)).toBe(true);
    expectNear(lower(found, n), decode(factor));
  });

  it.each(cases)('the factor of the inverse: %s', (_, { n, a, inverseFactor: expected }) => {
    const given = decode(a);
    expectNear(inverseFactor(given, n)!, decode(expected));
    expect(given).toEqual(decode(a));
  });
});

it.each(cases)('the inverse of a factor times the factor is one: %s', (_, { n, factor }) => {
  const [l, inverse] = [decode(factor), decode(factor)];
  invertLowerInPlace(inverse, n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const sum = Array.from({ length: n }, (_, k) => l[i * n + k]! * inverse[k * n + j]!).reduce((x, y) => x + y, 0);
      expect(Math.abs(sum - (i === j ? 1 : 0))).toBeLessThan(1e-9);
    }
  }
});

it.each<[string, number[]]>([
  ['negative', [-1]], ['zero', [0]], ['NaN', [NaN]], ['indefinite', [1, 2, 2, 1]],
  ['singular', [1, 1, 1, 1]], ['indefinite in the last of five rows', Array.from({ length: 25 }, (_, i) => (i === 24 ? -1 : i % 6 === 0 ? 1 : 0))],
])('a matrix that is %s has no factor', (_, elements) => {
  expect(inverseFactor(Float64Array.from(elements), Math.sqrt(elements.length))).toBeUndefined();
});

describe('hessianFactor', () => {
  it('damps directions that were never taken, and inputs that are always zero', () => {
    // One sample of three inputs, the last of them zero.
    const sums = Float64Array.from([1, 2, 0, 2, 4, 0, 0, 0, 0]);
    const damping = (0.01 * 5) / 3;
    const expected = inverseFactor(Float64Array.from([1 + damping, 2, 0, 2, 4 + damping, 0, 0, 0, 1 + damping]), 3)!;
    expectNear(hessianFactor(sums, 3)!, expected);
    expect(sums[0]).toBe(1);
  });

  it('is undefined where nothing was observed, or something else', () => {
    expect(hessianFactor(new Float64Array(9), 3)).toBeUndefined();
    expect(hessianFactor(new Float64Array(9).fill(1), 4)).toBeUndefined();
    expect(hessianFactor(Float64Array.of(NaN), 1)).toBeUndefined();
    expect(hessianFactor(Float64Array.of(1, 5, 5, 1), 2)).toBeUndefined();
  });

  it('is found once for weights in a row that share their inputs', () => {
    const [a, b] = [Float64Array.of(4), Float64Array.of(9)];
    const find = factorFinder(new Map([['q', a], ['k', a], ['o', b]]));
    expect(find('q', 1)).toBe(find('k', 1));
    expect(find('o', 1)![0]).toBeCloseTo(1 / Math.sqrt(9 * 1.01), 12);
    expect(find('q', 1)![0]).toBeCloseTo(1 / Math.sqrt(4 * 1.01), 12);
    expect(find('v', 1)).toBeUndefined();
  });
});

function lower(a: Float64Array, n: number): Float64Array {
  return a.map((x, at) => (at % n > Math.floor(at / n) ? 0 : x));
}
