import type { CommonSamples } from '../calibration.ts';
import type { ValueSignature } from '../types.ts';
import type { FoundFile } from './files/find-files.ts';

/** What a sample is known to be: a class by its name, and its place among all names in order (the number itself where all names are whole numbers). */
export interface SampleLabel {
  name: string;
  index: number;
}

/** The smallest piece that a sample can be made of: an image, a line, a window of sound, a row. */
export interface SampleItem {
  /** Unique; the same on every machine. */
  name: string;
  file: FoundFile;
  /** Name of the class. */
  label?: string | undefined;
}

/** Samples that can be counted before one is read. */
export interface SampleSource {
  items: readonly SampleItem[];
  /** Further files that decide what samples are. */
  files: readonly FoundFile[];
  /** Items in one sample. */
  batch: number;
  /** Whether a sample of fewer items would not fit the model. */
  isBatchFixed: boolean;
  /** What was presumed of the samples, where that may be wrong. */
  note?: string | undefined;
  /** A sample as `checkFeeds` takes it, made of the items with these indices in this order. */
  read(indices: readonly number[]): Promise<unknown>;
}

export interface SourceContext {
  /** Inputs of the model; empty where they are not known, which only modules and arrays can do without. */
  inputs: readonly ValueSignature[];
}

/** Inputs whose value is not the same in every sample. */
export function freeInputs({ inputs }: SourceContext, { feeds }: CommonSamples): ValueSignature[] {
  return inputs.filter(({ name }) => !Object.hasOwn(feeds ?? {}, name));
}

/** Items of a sample: what was asked for, else the input's own number. */
export function batchOf(asked: number | undefined, dim: number | string | null | undefined): Pick<SampleSource, 'batch' | 'isBatchFixed'> {
  const own = typeof dim === 'number' && dim > 0 ? dim : undefined;
  return { batch: asked ?? own ?? 1, isBatchFixed: own !== undefined };
}
