import { RuntimeError } from './errors.ts';
import type { InferenceSession } from './types.ts';

/** Where a model has its batch: names of inputs and outputs whose first dimension counts independent rows. */
export interface BatchLayout {
  inputs: ReadonlySet<string>;
  /** Inputs that all rows share. */
  shared: readonly string[];
  outputs: ReadonlySet<string>;
  /** All outputs, those without a batch too. */
  outputNames: readonly string[];
}

/** A layout as far as names of dimensions tell it. */
export interface NamedLayout extends BatchLayout {
  /** Outputs whose first dimension is free, but not by the name that it has in the inputs. */
  unsure: ReadonlySet<string>;
}

type Metadata = Pick<InferenceSession, 'inputMetadata' | 'outputMetadata'>;
type Shape = readonly (number | string)[];

/**
 * What the shapes of inputs and outputs tell. An output has the batch where its first dimension has the same name as that of the inputs.
 * @throws RuntimeError NOT_BATCHABLE where no input has a free first dimension, or several have different ones
 */
export function namedLayout({ inputMetadata, outputMetadata }: Metadata): NamedLayout {
  const inputs = inputMetadata.map(shapeOf);
  const batched = inputs.filter(({ shape }) => isFree(shape));
  const names = new Set(batched.map(({ shape }) => shape[0] as string).filter((name) => name !== ''));
  if (batched.length === 0) throw notBatchable(`none of its inputs (${inputs.map(({ name }) => name).join(', ')}) has a free first dimension`);
  if (names.size > 1) throw notBatchable(`the first dimensions of its inputs are different ones: ${[...names].join(', ')}`);
  const [batch] = names;
  const elsewhere = inputs.find(({ shape }) => batch !== undefined && shape.lastIndexOf(batch) > 0);
  if (elsewhere !== undefined) throw notBatchable(`"${batch}" is not the first dimension of its input "${elsewhere.name}"`);
  const outputs = outputMetadata.map(shapeOf).filter(({ shape }) => isFree(shape));
  const isSure = ({ shape }: { shape: Shape }): boolean => batch !== undefined && shape[0] === batch;
  return {
    inputs: namesOf(batched),
    shared: inputs.filter(({ shape }) => !isFree(shape)).map(({ name }) => name),
    outputs: namesOf(outputs.filter(isSure)),
    unsure: namesOf(outputs.filter((output) => !isSure(output))),
    outputNames: outputMetadata.map(({ name }) => name),
  };
}

export function notBatchable(why: string, cause?: unknown): RuntimeError {
  return new RuntimeError('NOT_BATCHABLE', `Calls of this model cannot be run as one: ${why}`, {
    hint: 'Leave `batch` out, or export the model with a symbolic first dimension, the same for all inputs and outputs.',
    cause,
  });
}

function shapeOf(value: Metadata['inputMetadata'][number]): { name: string; shape: Shape } {
  return { name: value.name, shape: value.isTensor ? value.shape : [] };
}

/** Unknown dimensions are empty names. */
function isFree(shape: Shape): boolean {
  return typeof shape[0] === 'string';
}

function namesOf(values: readonly { name: string }[]): Set<string> {
  return new Set(values.map(({ name }) => name));
}
