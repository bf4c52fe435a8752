import { QuantizeError } from './errors.ts';
import { closest, didYouMean } from './suggest.ts';

/** A path, a folder, or a pattern (`*`, `**`, `?`, `[abc]`, `{a,b}`), or a list of them; relative ones start at the project's root. */
export type Files = string | string[];

/** A value of an input as configuration files can write it. Plain numbers take the input's type. */
export type InputValue = Scalar | InputValue[] | ArrayBufferView | { data: readonly Scalar[] | ArrayBufferView; dims: readonly number[]; type?: string };
type Scalar = number | bigint | boolean | string;

/** What every kind of samples understands. */
export interface CommonSamples {
  /** The largest number of samples taken. @default `sampleLimit` */
  limit?: number;
  /**
   * Which samples are taken where there are more than the limit: the same seed takes the same ones on every machine. A module is read
   * from its beginning instead. @default 0
   */
  seed?: number;
  /** Values of the model's other inputs, the same in every sample. @example { sr: 16000, state: { data: new Float32Array(256), dims: [2, 1, 128] } } */
  feeds?: Record<string, InputValue>;
}

/** Samples of which several can go into one run of the model. */
export interface BatchedSamples extends CommonSamples {
  /** Images, lines or clips in one sample. @default the input's first dimension where it is a number, else 1 */
  batch?: number;
}

/**
 * Images (JPEG, PNG, WebP, GIF, AVIF, TIFF; needs `sharp`). They are decoded, turned upright and stripped of alpha and colour profile; everything
 * after that is exact integer arithmetic that gives Pillow's pixels on every machine. Where all images lie in subfolders, their names are labels.
 */
export interface ImageSamples extends BatchedSamples {
  images: Files;
  /** Name of the input that takes them. @default the only input with 4 dimensions of which one can hold the colours */
  input?: string;
  /** Height and width of the input, or one number for both. @default the input's own, or the image's where the input's are free */
  size?: number | [height: number, width: number];
  /** What is done to images of another shape: cut off what sticks out of the middle, pad the rest, or distort. @default 'crop' */
  fit?: 'crop' | 'letterbox' | 'stretch';
  /** Length of the shorter side before cropping, when more than the rest is to be cut off. @default the side of `size` */
  resize?: number;
  /** Value of pixels around a letterboxed image, from 0 to 255, one for all or one for each channel. @default 0 */
  pad?: number | number[];
  /** How pixels are interpolated, always with all pixels that a new one covers, as Pillow does. @default 'bilinear' */
  filter?: 'nearest' | 'box' | 'bilinear' | 'hamming' | 'bicubic' | 'lanczos';
  /** Order of the channels. @default 'gray' for an input with one channel, else 'rgb' */
  colors?: 'rgb' | 'bgr' | 'gray';
  /** Order of the dimensions. @default by the place of 1 or 3 in the input's shape, else 'nchw' */
  layout?: 'nchw' | 'nhwc';
  /** Pixels from 0 to 255 are multiplied by it first. @default 1/255 for an input of floats, 1 for one of integers */
  scale?: number;
  /** Taken off after scaling, one number or one for each channel in the order of `colors`. @default 0 */
  mean?: number | number[];
  /** Divides what is left. @default 1 */
  std?: number | number[];
}

/** Texts and a tokenizer (needs `@huggingface/tokenizers`): one for each line, row or JSON object. Empty ones are passed over. */
export interface TextSamples extends BatchedSamples {
  /** .txt (a text on each line), .tsv, .csv, .jsonl */
  text: Files;
  /** Path of a tokenizer.json; a tokenizer_config.json beside it is read too. @default tokenizer.json beside the first file */
  tokenizer?: string;
  /** Column of the text: its number from 0 (negative ones count from the end), or its name in the first row or in the JSON. @default 0, or 'text' in .jsonl */
  column?: number | string;
  /** Column of the label. @default none */
  label?: number | string;
  /** More tokens than these are cut off, special ones excepted. @default what tokenizer.json says, else the input's fixed length */
  maxLength?: number;
  /** Length that shorter texts are padded to; 'longest' pads to the longest of a batch only. @default the input's fixed length, else 'longest' */
  padding?: 'longest' | number;
  /** What each input of the model takes. @default by name: input_ids, attention_mask, token_type_ids, position_ids and the like */
  inputs?: Record<string, TokenChannel>;
}

/** What a tokenizer tells of a text: token ids, 1 for tokens and 0 for padding, number of the sentence, 0 to length - 1. */
export type TokenChannel = 'ids' | 'mask' | 'types' | 'positions';

/** Sound: .wav with 8 to 32 bits or floats, any rate and number of channels. */
export interface AudioSamples extends BatchedSamples {
  audio: Files;
  /** Name of the input that takes it. @default the only one of floats or int16 that `feeds` leaves */
  input?: string;
  /** Rate that clips are brought to, in Hz, by a Kaiser-windowed sinc (the default of scipy.signal.resample_poly). @default the clips' own, which must be one */
  sampleRate?: number;
  /** Frames in a sample; longer clips are cut into several, shorter ones are padded with silence. @default the input's last dimension, or the whole clip */
  samples?: number;
  /** Channels; 1 is the mean of all. @default 1, or the input's where it has 3 dimensions */
  channels?: number;
}

/** Arrays: .npz, .npy, .json (a list of samples, or one), .jsonl. A file of numpy is one sample unless `batch` cuts it into rows. */
export interface ArraySamples extends CommonSamples {
  arrays: Files;
  /** Array of each input, where names differ. @example { image: 'arr_0' } */
  inputs?: Record<string, string>;
  /** Rows of the arrays' first dimension in one sample. @default all of them */
  batch?: number;
}

/** A module whose default export is an iterable of samples, or a function that gives one. */
export interface ModuleSamples extends CommonSamples {
  module: string;
}

export type CalibrationSpec = ImageSamples | TextSamples | AudioSamples | ArraySamples | ModuleSamples;
export type SampleKind = 'images' | 'text' | 'audio' | 'arrays' | 'module';

interface Check {
  accepts(value: unknown): boolean;
  wanted: string;
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0;
const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const isFinite = (value: unknown): value is number => Number.isFinite(value);
const isRecord = (value: unknown): value is Record<string, unknown> => Object.prototype.toString.call(value) === '[object Object]';
const oneOf = (words: readonly string[]): Check => ({ accepts: (value) => words.includes(value as string), wanted: words.map((word) => `'${word}'`).join(' or ') });
const perChannel = (accepts: (value: number) => boolean, range: string): Check => ({
  accepts: (value) => (Array.isArray(value) ? value.length > 0 && value.every((item) => isFinite(item) && accepts(item)) : isFinite(value) && accepts(value)),
  wanted: `a number${range}, or one for each channel`,
});

const path: Check = { accepts: isText, wanted: 'a path' };
const files: Check = { accepts: (value) => isText(value) || (Array.isArray(value) && value.length > 0 && value.every(isText)), wanted: 'a path, a pattern, or a list of them' };
const name: Check = { accepts: isText, wanted: 'a name' };
const count: Check = { accepts: isCount, wanted: 'a whole number above 0' };
const column: Check = { accepts: (value) => isText(value) || Number.isSafeInteger(value), wanted: 'the number or name of a column' };
const names: Check = { accepts: (value) => isRecord(value) && Object.values(value).every(isText), wanted: 'an object of names' };
const CHANNELS: readonly TokenChannel[] = ['ids', 'mask', 'types', 'positions'];

const COMMON: Record<string, Check> = {
  limit: count,
  seed: { accepts: (value) => Number.isSafeInteger(value) && (value as number) >= 0, wanted: 'a whole number from 0' },
  feeds: { accepts: isRecord, wanted: 'an object of values by input' },
};
const BATCHED: Record<string, Check> = { ...COMMON, batch: count };

/** What each kind understands; the first key names the kind. */
const SPECS: Record<SampleKind, Record<string, Check>> = {
  images: {
    images: files,
    input: name,
    size: { accepts: (value) => isCount(value) || (Array.isArray(value) && value.length === 2 && value.every(isCount)), wanted: 'a whole number above 0, or [height, width]' },
    fit: oneOf(['crop', 'letterbox', 'stretch']),
    resize: count,
    pad: perChannel((value) => Number.isInteger(value) && value >= 0 && value <= 255, ' from 0 to 255'),
    filter: oneOf(['nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos']),
    colors: oneOf(['rgb', 'bgr', 'gray']),
    layout: oneOf(['nchw', 'nhwc']),
    scale: { accepts: isFinite, wanted: 'a number' },
    mean: perChannel(() => true, ''),
    std: perChannel((value) => value !== 0, ' other than 0'),
    ...BATCHED,
  },
  text: {
    text: files,
    tokenizer: path,
    column,
    label: column,
    maxLength: count,
    padding: { accepts: (value) => value === 'longest' || isCount(value), wanted: "'longest' or a whole number above 0" },
    inputs: { accepts: (value) => isRecord(value) && Object.values(value).every((item) => CHANNELS.includes(item as TokenChannel)), wanted: `an object whose values are ${CHANNELS.join(', ')}` },
    ...BATCHED,
  },
  audio: { audio: files, input: name, sampleRate: count, samples: count, channels: count, ...BATCHED },
  arrays: { arrays: files, inputs: names, ...BATCHED },
  module: { module: path, ...COMMON },
};

const KINDS = Object.keys(SPECS) as SampleKind[];

/** The kind of samples that a description is about. */
export function kindOf(spec: CalibrationSpec): SampleKind {
  return KINDS.find((kind) => kind in spec)!;
}

/**
 * Checks the value of the option `calibration`.
 *
 * @throws QuantizeError OPTION_UNKNOWN, OPTION_INVALID
 */
export function checkCalibration(value: unknown, key: string): asserts value is string | CalibrationSpec {
  if (isText(value)) return;
  if (!isRecord(value)) throw invalid(key, value, 'a path or an object');
  const kinds = KINDS.filter((kind) => kind in value);
  const kind = kinds[0];
  if (kind === undefined) {
    const near = Object.keys(value).find((asked) => closest(asked, KINDS) !== undefined);
    const hint = near === undefined ? `Give one of ${KINDS.join(', ')}.` : didYouMean(near, KINDS);
    throw new QuantizeError('OPTION_INVALID', `"${key}" does not say what the samples are.`, { option: key, hint });
  }
  if (kinds.length > 1) throw new QuantizeError('OPTION_INVALID', `"${key}" has both "${kind}" and "${kinds[1]}".`, { option: key, hint: 'Give one kind of samples.' });
  for (const [part, given] of Object.entries(value)) {
    const check = SPECS[kind][part];
    if (check === undefined) {
      throw new QuantizeError('OPTION_UNKNOWN', `There is no "${part}" in a calibration by ${kind}.`, { option: `${key}.${part}`, hint: didYouMean(part, Object.keys(SPECS[kind])) });
    }
    if (given !== undefined && !check.accepts(given)) throw invalid(`${key}.${part}`, given, check.wanted);
  }
}

function invalid(key: string, value: unknown, wanted: string): QuantizeError {
  const found = typeof value === 'number' ? String(value) : (JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? String(item) : item)) ?? typeof value);
  return new QuantizeError('OPTION_INVALID', `"${key}" is ${found}, which is not ${wanted}.`, { option: key });
}
