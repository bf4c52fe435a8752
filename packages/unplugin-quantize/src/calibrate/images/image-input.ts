import type { ImageSamples } from '../../calibration.ts';
import { QuantizeError } from '../../errors.ts';
import { didYouMean } from '../../suggest.ts';
import type { ValueSignature } from '../../types.ts';
import { freeInputs, type SourceContext } from '../source.ts';
import { isFedType, showType, type FedType } from '../tensor.ts';
import type { Target } from './fit.ts';
import type { ColorOrder } from './pixels.ts';

/** How images go into an input. */
export interface ImageInput {
  name: string;
  dtype: FedType;
  layout: 'nchw' | 'nhwc';
  colors: ColorOrder;
  target: Target;
  /** The first dimension; undefined where the input takes one image without a batch. */
  batchDim: number | string | null | undefined;
}

type Dim = number | string | null;

/**
 * Finds the input that takes images and reads layout, colours and size off its shape; what the user says wins.
 *
 * @throws QuantizeError SAMPLES_INVALID when no input, or more than one, can take images; OPTION_INVALID for a name that is no input
 */
export function findImageInput(spec: Partial<ImageSamples>, context: SourceContext): ImageInput {
  const input = choose(spec, context);
  const dims: Dim[] = input.dims ?? [null, null, null, null];
  const layout = spec.layout ?? layoutOf(dims) ?? 'nchw';
  const [batchDim, ...image] = dims.length === 4 ? dims : [undefined, ...dims];
  const [channels, height, width] = layout === 'nchw' ? image : [image[2], image[0], image[1]];
  const colors = spec.colors ?? (channels === 1 ? 'gray' : 'rgb');
  if (typeof channels === 'number' && channels !== (colors === 'gray' ? 1 : 3)) {
    throw unfit(input, `has ${channels} channels where '${colors}' has ${colors === 'gray' ? 1 : 3}`);
  }
  const asked = typeof spec.size === 'number' ? [spec.size, spec.size] : spec.size;
  const target: Target = [asked?.[0] ?? fixed(height), asked?.[1] ?? fixed(width)];
  return { name: input.name, dtype: isFedType(input.dtype) ? input.dtype : 'float32', layout, colors, target, batchDim };
}

function fixed(dim: Dim | undefined): number | null {
  return typeof dim === 'number' ? dim : null;
}

function choose(spec: Partial<ImageSamples>, context: SourceContext): ValueSignature {
  const { inputs } = context;
  if (spec.input !== undefined) {
    const named = inputs.find(({ name }) => name === spec.input);
    const known = inputs.map(({ name }) => name);
    if (named === undefined) throw new QuantizeError('OPTION_INVALID', `The model has no input "${spec.input}".`, { option: 'calibration.input', hint: didYouMean(spec.input, known) });
    if (named.dims !== null && named.dims.length !== 3 && named.dims.length !== 4) throw unfit(named, 'has no 3 or 4 dimensions');
    return named;
  }
  const able = freeInputs(context, spec).filter(takesImages);
  const [first, second] = able.filter(({ dims }) => dims?.length === 4).length === 1 ? able.filter(({ dims }) => dims?.length === 4) : able;
  if (first !== undefined && second === undefined) return first;
  throw new QuantizeError('SAMPLES_INVALID', first === undefined ? 'No input of the model takes images.' : `Both "${first.name}" and "${second!.name}" could take images.`, {
    hint: `${first === undefined ? 'Yield inputs from a module' : 'Say which: { images, input }'}. The inputs are ${inputs.map(({ name, dtype, dims }) => `"${name}" ${showType(dtype, dims)}`).join(', ')}.`,
  });
}

function takesImages({ dtype, dims }: ValueSignature): boolean {
  if (dtype === 'string' || dtype === 'bool') return false;
  if (dims === null) return true;
  if (layoutOf(dims) !== undefined) return dims.length === 3 || dims.length === 4;
  return dims.length === 4 && (typeof dims[1] !== 'number' || typeof dims[3] !== 'number');
}

/** By the place of the dimension that counts colours. */
function layoutOf(dims: readonly Dim[]): 'nchw' | 'nhwc' | undefined {
  const [first, last] = [dims.at(-3), dims.at(-1)];
  if (first === 1 || first === 3) return 'nchw';
  return last === 1 || last === 3 ? 'nhwc' : undefined;
}

function unfit({ name, dtype, dims }: ValueSignature, why: string): QuantizeError {
  return new QuantizeError('SAMPLES_INVALID', `The input "${name}" ${showType(dtype, dims)} ${why}.`, { option: 'calibration', hint: 'Say `colors`, `layout` or `input`, or yield inputs from a module.' });
}
