import { assertWithin } from '../limits.ts';
import type { ValueSignature } from '../types.ts';
import { seededRandom, seedOf } from './random.ts';
import { ARRAY_OF, isFedType, sizeOf, toArray, type FedType, type Feeds, type SampleTensor } from './tensor.ts';

/** Sizes tried for dims that the signature leaves open, in this order: networks with strides need multiples of 32, audio a frame. */
export const FREE_SIZES = [32, 64, 8, 1, 128, 224, 256, 512, 576] as const;

/**
 * Inputs made from a signature, one or two candidates for each entry of FREE_SIZES; the caller takes the first that the source model runs.
 * Batch-like dims (the first of two or more, and those named so) are 1, dims of the same name are equal. Dims without a name are
 * tried with the size, then with 1 outside the first input, where they are the batch of a recurrent state. Floats are uniform in
 * [-1, 1), integers 0 or 1 so that they are valid ids and classes, uint8 any byte, masks and booleans 1. The same seed gives the same values.
 *
 * @throws QuantizeError MODEL_TOO_LARGE where they would take more memory than the limit
 */
export function* syntheticCandidates(inputs: readonly ValueSignature[], seed = 0): Generator<Feeds, void, undefined> {
  const tried = new Set<string>();
  for (const size of FREE_SIZES) {
    for (const unnamed of [size, 1]) {
      const dims = inputs.map((input, i) => chooseDims(input, size, i === 0 ? size : unnamed));
      if (tried.has(dims.join(';'))) continue;
      tried.add(dims.join(';'));
      assertFits(inputs, dims);
      yield Object.fromEntries(inputs.map((input, i) => [input.name, syntheticTensor(input, dims[i]!, seed)]));
    }
  }
}

/** Dims come out of the model, which may ask for more than any memory holds. */
function assertFits(inputs: readonly ValueSignature[], dims: readonly number[][]): void {
  const bytes = inputs.reduce((sum, { dtype }, i) => sum + sizeOf(dims[i]!) * (isFedType(dtype) ? ARRAY_OF[dtype].BYTES_PER_ELEMENT : 1), 0);
  assertWithin('inputBytes', bytes, `The inputs ${inputs.map(({ name }, i) => `"${name}" [${dims[i]!.join(', ')}]`).join(', ').slice(0, 500)} take ${bytes} bytes`);
}

function chooseDims(input: ValueSignature, named: number, unnamed: number): number[] {
  return (input.dims ?? [1]).map((dim, axis) => {
    if (typeof dim === 'number') return dim;
    if (isBatch(input, axis)) return 1;
    return dim === null ? unnamed : named;
  });
}

function syntheticTensor(input: ValueSignature, dims: number[], seed: number): SampleTensor {
  const length = sizeOf(dims);
  if (input.dtype === 'string') return { dtype: 'string', dims, data: Array.from({ length }, () => 'a') };
  const dtype = isFedType(input.dtype) ? input.dtype : 'float32';
  const random = seededRandom((seed ^ seedOf(input.name)) >>> 0);
  const draw = /mask/i.test(input.name) ? () => 1 : DRAWS[dtype];
  return { dtype, dims, data: toArray(dtype, Array.from({ length }, () => draw(random()))) };
}

/** Whether a dim counts samples: by its name, or because it leads other dims and says nothing else. */
function isBatch(input: ValueSignature, axis: number): boolean {
  const dim = input.dims?.[axis];
  if (typeof dim === 'string' && /^(n|b|bs|.*batch.*)$/i.test(dim)) return true;
  const isNameless = dim === null || (typeof dim === 'string' && !/seq|len|time|height|width|^[twhs]$/i.test(dim));
  return axis === 0 && input.dims!.length > 1 && isNameless;
}

/** A number in [0, 1) to a value of the type. */
const symmetric = (u: number): number => 2 * u - 1;
const bit = (u: number): number => Math.floor(2 * u);
const DRAWS: Record<FedType, (u: number) => number> = {
  float16: symmetric,
  float32: symmetric,
  float64: symmetric,
  uint8: (u) => Math.floor(256 * u),
  bool: () => 1,
  int8: bit,
  int16: bit,
  uint16: bit,
  int32: bit,
  uint32: bit,
  int64: bit,
  uint64: bit,
};
