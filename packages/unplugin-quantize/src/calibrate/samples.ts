import type { CalibrationSpec } from '../calibration.ts';
import { QuantizeError } from '../errors.ts';
import type { ValueSignature } from '../types.ts';
import { checkFeeds } from './check-feeds.ts';
import { chooseItems } from './choose.ts';
import { locateSamples, type LocatedSamples } from './files/locate.ts';
import { labelsOf } from './labels.ts';
import { openSource } from './open-source.ts';
import { streamModule } from './sample-module.ts';
import { isRecord } from './arrays/rows.ts';
import type { SampleLabel, SampleSource } from './source.ts';

export interface SampleOptions {
  /** At most this many samples are taken unless the description of the samples says another number. */
  limit?: number | undefined;
  /** Inputs of the model. Only modules and arrays can do without; where they are given, samples are checked with the name of their file in errors. */
  inputs?: readonly ValueSignature[] | undefined;
}

/** Samples where they are written down: a path or description from the working directory, or what `locateSamples` made of one. */
export type SamplesGiven = string | CalibrationSpec | LocatedSamples;

/** A sample with what is known of it besides its values. */
export interface LabelledSample {
  /** What `checkFeeds` takes. */
  feeds: unknown;
  /** Where it comes from, such as `cats/1.jpg` or `lines.tsv:7`; undefined for what a module yields. */
  name?: string | undefined;
  /** Classes of its items, as many as the batch has: folders of images, the label column of texts. */
  labels?: readonly SampleLabel[] | undefined;
}

/**
 * The user's samples, one by one; `checkFeeds` turns each into `Feeds` of a model.
 *
 * | path | samples |
 * |---|---|
 * | .ts .mts .cts .js .mjs .cjs | what the module's default export (or its export `samples`) yields |
 * | .npz .npy | ONE sample: every array is fed as it is to the input of its name, a lone one to the only input |
 * | .json .jsonl | one for each element or line |
 * | .txt .tsv .csv with a tokenizer.json beside | one for each line |
 * | .wav | one for each clip or window of it |
 * | images | one each |
 * | a folder, a pattern | the samples of its files, sorted by name |
 *
 * Files are read anew on every call, and only as far as samples are asked for.
 *
 * @throws QuantizeError SAMPLES_NOT_FOUND when there is no such file, SAMPLES_INVALID when it cannot be read or holds no sample,
 *   OPTION_INVALID for a description that does not fit the model, READER_MISSING when a package is not installed
 */
export async function* openSamples(given: SamplesGiven, options: SampleOptions = {}): AsyncGenerator<unknown, void, undefined> {
  for await (const { feeds } of openLabelledSamples(given, options)) yield feeds;
}

/** As `openSamples`, with names and labels. */
export async function* openLabelledSamples(given: SamplesGiven, { limit: asked = Infinity, inputs = [] }: SampleOptions = {}): AsyncGenerator<LabelledSample, void, undefined> {
  const located = isLocated(given) ? given : locateSamples(given, process.cwd());
  const { feeds: fixed, limit = asked, seed = 0 } = located.spec;
  if (limit <= 0) return;
  const source = await openSource(located, { inputs });
  const complete = (value: unknown): unknown => withFixed(value, fixed, inputs);
  if ('module' in source) {
    for await (const value of streamModule(source.module, limit)) yield { feeds: complete(value) };
    return;
  }
  const labels = labelsOf(source.items);
  let index = 0;
  for (const group of choose(source, limit, seed, located)) {
    const name = source.items[group[0]!]!.name;
    const value = complete(await source.read(group));
    const feeds = inputs.length === 0 ? value : checkNamed(value, inputs, index++, name);
    yield { feeds, name, ...(labels !== undefined && { labels: group.map((item) => labels[item]!) }) };
  }
}

function choose(source: SampleSource, limit: number, seed: number, { at }: LocatedSamples): number[][] {
  try {
    return chooseItems(source, limit, seed);
  } catch (error) {
    if (!(error instanceof QuantizeError)) throw error;
    throw new QuantizeError(error.code, error.what, { option: at.map(({ given }) => given).join(', '), hint: error.hint });
  }
}

/** Errors name the file instead of a number that the user would have to count. */
function checkNamed(value: unknown, inputs: readonly ValueSignature[], index: number, name: string): unknown {
  try {
    return checkFeeds(value, inputs, index);
  } catch (error) {
    if (!(error instanceof QuantizeError)) throw error;
    const { code, what, option, hint } = error;
    throw new QuantizeError(code, what.replace(`Sample ${index}`, `Sample ${index} (${name})`), { option, hint, cause: error });
  }
}

/** Adds the values that are the same in every sample; a bare tensor is the value of the one input that they leave. */
function withFixed(value: unknown, fixed: Record<string, unknown> | undefined, inputs: readonly ValueSignature[]): unknown {
  if (fixed === undefined) return value;
  const open = inputs.filter(({ name }) => !Object.hasOwn(fixed, name));
  const isNamed = isRecord(value) && Object.keys(value).some((key) => inputs.some(({ name }) => name === key));
  if (isNamed || open.length !== 1) return isRecord(value) ? { ...fixed, ...value } : value;
  return { ...fixed, [open[0]!.name]: value };
}

function isLocated(given: SamplesGiven): given is LocatedSamples {
  return typeof given === 'object' && 'at' in given;
}
