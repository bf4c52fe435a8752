import type { TextSamples, TokenChannel } from '../../calibration.ts';
import { QuantizeError } from '../../errors.ts';
import { didYouMean } from '../../suggest.ts';
import type { ValueSignature } from '../../types.ts';
import { freeInputs, type SourceContext } from '../source.ts';
import { showType } from '../tensor.ts';

export interface TokenInput {
  signature: ValueSignature;
  channel: TokenChannel;
}

/** Usual names, the more telling ones first: `token_type_ids` is no `ids`. */
const USUAL: [RegExp, TokenChannel][] = [
  [/token_?types?|segment|type_?ids/i, 'types'],
  [/position/i, 'positions'],
  [/mask/i, 'mask'],
  [/^(input|inputs|text|token)?_?(ids?|tokens?|words?)$|^input$/i, 'ids'],
];

/**
 * What each input takes.
 *
 * @throws QuantizeError SAMPLES_INVALID for an input of which nothing is known; OPTION_INVALID for a name that is no input
 */
export function findTokenInputs(spec: Partial<TextSamples>, context: SourceContext): TokenInput[] {
  const asked = spec.inputs ?? {};
  const names = context.inputs.map(({ name }) => name);
  const unknown = Object.keys(asked).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new QuantizeError('OPTION_INVALID', `The model has no input "${unknown}".`, { option: 'calibration.inputs', hint: didYouMean(unknown, names) });
  const free = freeInputs(context, spec);
  const found = free.map((signature): TokenInput => {
    const channel = asked[signature.name] ?? USUAL.find(([pattern]) => pattern.test(signature.name))?.[1] ?? (free.length === 1 ? 'ids' : undefined);
    if (channel === undefined || !isTokens(signature, channel)) throw notTokens(signature);
    return { signature, channel };
  });
  if (found.some(({ channel }) => channel === 'ids')) return found;
  throw new QuantizeError('SAMPLES_INVALID', 'No input of the model takes token ids.', { option: 'calibration', hint: `The inputs are ${names.map((name) => `"${name}"`).join(', ')}: say { text, inputs: { name: 'ids' } }.` });
}

/** [batch, length] or [length]; masks may be floats or booleans. */
function isTokens({ dtype, dims }: ValueSignature, channel: TokenChannel): boolean {
  const isFitting = channel === 'mask' ? dtype !== 'string' : /^u?int(32|64)$|^unknown$/.test(dtype);
  return isFitting && (dims === null || dims.length === 1 || dims.length === 2);
}

function notTokens({ name, dtype, dims }: ValueSignature): QuantizeError {
  return new QuantizeError('SAMPLES_INVALID', `It is not known what the input "${name}" ${showType(dtype, dims)} takes of a text.`, {
    option: 'calibration',
    hint: `Say { text, inputs: { ${JSON.stringify(name)}: 'ids' } } (or 'mask', 'types', 'positions'), or give its value in \`feeds\`.`,
  });
}
