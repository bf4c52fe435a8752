import type { AudioSamples } from '../../calibration.ts';
import { QuantizeError } from '../../errors.ts';
import { didYouMean } from '../../suggest.ts';
import type { ValueSignature } from '../../types.ts';
import { freeInputs, type SourceContext } from '../source.ts';
import { showType } from '../tensor.ts';

export interface AudioInput {
  name: string;
  dtype: string;
  /** 1: [frames], 2: [batch, frames], 3: [batch, channels, frames]. */
  rank: 1 | 2 | 3;
  batchDim: number | string | null | undefined;
  channels: number;
  /** Frames in a sample; undefined for whole clips. */
  frames: number | undefined;
}

/**
 * Finds the input that takes sound.
 *
 * @throws QuantizeError SAMPLES_INVALID when no input, or more than one, can take it; OPTION_INVALID for a name that is no input
 */
export function findAudioInput(spec: Partial<AudioSamples>, context: SourceContext): AudioInput {
  const { name, dtype, dims } = choose(spec, context);
  const rank = (dims?.length ?? 2) as 1 | 2 | 3;
  const [own, own3] = [dims?.at(-1), rank === 3 ? dims?.[1] : undefined];
  return {
    name,
    dtype,
    rank,
    batchDim: rank === 1 ? undefined : (dims?.[0] ?? null),
    channels: spec.channels ?? (typeof own3 === 'number' ? own3 : 1),
    frames: spec.samples ?? (typeof own === 'number' ? own : undefined),
  };
}

function choose(spec: Partial<AudioSamples>, context: SourceContext): ValueSignature {
  const { inputs } = context;
  if (spec.input !== undefined) {
    const named = inputs.find(({ name }) => name === spec.input);
    if (named === undefined) throw new QuantizeError('OPTION_INVALID', `The model has no input "${spec.input}".`, { option: 'calibration.input', hint: didYouMean(spec.input, inputs.map(({ name }) => name)) });
    if (takesSound(named)) return named;
    throw new QuantizeError('SAMPLES_INVALID', `The input "${named.name}" ${showType(named.dtype, named.dims)} does not take sound.`, { option: 'calibration.input', hint: MODULE_HINT });
  }
  const able = freeInputs(context, spec).filter(takesSound);
  if (able.length === 1) return able[0]!;
  const list = inputs.map(({ name, dtype, dims }) => `"${name}" ${showType(dtype, dims)}`).join(', ');
  if (able.length === 0) throw new QuantizeError('SAMPLES_INVALID', 'No input of the model takes sound.', { hint: `${MODULE_HINT} The inputs are ${list}.` });
  throw new QuantizeError('SAMPLES_INVALID', `Several inputs could take sound: ${able.map(({ name }) => `"${name}"`).join(', ')}.`, {
    hint: `Say which, and what the others get: { audio, input, feeds }. The inputs are ${list}.`,
  });
}

const MODULE_HINT = 'Sound goes into [frames], [batch, frames] or [batch, channels, frames]; spectrograms and the like have to come from a module.';

function takesSound({ dtype, dims }: ValueSignature): boolean {
  return (dtype.startsWith('float') || dtype === 'int16') && (dims === null || (dims.length >= 1 && dims.length <= 3));
}
