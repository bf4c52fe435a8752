import { QuantizeError } from '../errors.ts';
import { didYouMean } from '../suggest.ts';
import type { ValueSignature } from '../types.ts';
import { showType, type Feeds, type SampleTensor } from './tensor.ts';
import { readTensor } from './to-tensor.ts';

/**
 * Turns one sample into feeds that fit the model: every input there, no other name, element types and shapes as declared.
 * For a model with one input a bare tensor will do.
 *
 * @param index the sample's number, from 0, told in errors
 * @throws QuantizeError SAMPLES_INVALID naming the sample, the input, what the model expects and what was found
 */
export function checkFeeds(sample: unknown, inputs: readonly ValueSignature[], index: number): Feeds {
  const named = toRecord(sample, inputs, index);
  const names = inputs.map((input) => input.name);
  const unknown = Object.keys(named).find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw invalid(index, unknown, `has a value for "${unknown}", which is not an input of the model`, didYouMean(unknown, names));
  }
  return Object.fromEntries(
    inputs.map((input) => {
      if (named[input.name] === undefined) {
        throw invalid(index, input.name, `has no value for the input "${input.name}"`, `The model needs ${inputs.map(show).join(', ')}.`);
      }
      return [input.name, checkTensor(named[input.name], input, index)];
    }),
  );
}

function checkTensor(value: unknown, input: ValueSignature, index: number): SampleTensor {
  const reading = readTensor(value, input);
  if ('problem' in reading) throw mismatch(input, index, reading.problem);
  const { tensor } = reading;
  if (input.dtype !== tensor.dtype && input.dtype !== 'unknown') throw mismatch(input, index, showType(tensor.dtype, tensor.dims));
  const fits = input.dims === null || (input.dims.length === tensor.dims.length && input.dims.every((dim, i) => typeof dim !== 'number' || dim === tensor.dims[i]));
  if (!fits) throw mismatch(input, index, showType(tensor.dtype, tensor.dims));
  const at = firstNaN(tensor);
  if (at !== -1) throw invalid(index, input.name, `has NaN in the input "${input.name}" at element ${at}`, 'Look where it comes from: every output that depends on it says nothing.');
  return tensor;
}

/** Infinities are left alone, because masks are made of them. */
function firstNaN({ dtype, data }: SampleTensor): number {
  if (dtype === 'float16') return (data as Uint16Array).findIndex((bits) => (bits & 0x7fff) > 0x7c00);
  return data instanceof Float32Array || data instanceof Float64Array ? indexOfNaN(data) : -1;
}

function indexOfNaN(values: Float32Array | Float64Array): number {
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i])) return i;
  return -1;
}

function mismatch(input: ValueSignature, index: number, found: string): QuantizeError {
  const expected = showType(input.dtype, input.dims);
  return invalid(index, input.name, `does not fit the input "${input.name}": the model expects ${expected}, found ${found}`, hintFor(input));
}

function hintFor(input: ValueSignature): string {
  if (input.dtype === 'float16') return 'Give float16 values as their bit patterns in a Uint16Array, or as a Float16Array.';
  return `Give { type: '${input.dtype}', data, dims } or, from numpy, an array saved with .astype() of that type and with this shape.`;
}

/** A bare tensor stands for the only input. */
function toRecord(sample: unknown, inputs: readonly ValueSignature[], index: number): Record<string, unknown> {
  const only = inputs.length === 1 ? inputs[0]!.name : undefined;
  const isPlain = typeof sample === 'object' && sample !== null && !Array.isArray(sample) && !ArrayBuffer.isView(sample);
  const isTensor = isPlain && 'data' in sample && ('dims' in sample || 'shape' in sample) && !inputs.some((input) => input.name === 'data');
  if (only !== undefined && (isTensor || !isPlain) && sample !== null && sample !== undefined) return { [only]: sample };
  if (isPlain && !isTensor) return { ...sample };
  const wanted = `{ ${inputs.map((input) => `${JSON.stringify(input.name)}: tensor`).join(', ')} }`;
  throw invalid(index, undefined, `is ${isTensor ? 'one tensor, but the model has several inputs' : 'not an object of tensors'}`, `Yield ${wanted}.`);
}

function show(input: ValueSignature): string {
  return `"${input.name}" ${showType(input.dtype, input.dims)}`;
}

function invalid(index: number, option: string | undefined, what: string, hint: string): QuantizeError {
  return new QuantizeError('SAMPLES_INVALID', `Sample ${index} ${what}.`, { option, hint });
}
