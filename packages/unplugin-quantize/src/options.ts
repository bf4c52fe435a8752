import { checkCalibration, type CalibrationSpec } from './calibration.ts';
import { QuantizeError } from './errors.ts';
import { didYouMean } from './suggest.ts';
import type { Budget, Format } from './types.ts';

/** Operators whose arithmetic `int8` and `int8-dynamic` can turn into integers. */
export type DynamicOp = 'MatMul' | 'Gemm' | 'Gather' | 'LSTM' | 'Conv';

/** Integers that stand for activations: unsigned or signed. */
export type ActivationIntegers = 'u8' | 's8';

/** How the range of a block of weights is chosen. */
export type BlockAlgorithm = 'rtn' | 'search' | 'hqq' | 'k-quant' | 'gptq';

/** How the range of an activation is chosen from what samples showed. */
export type CalibrationMethod = 'minmax' | 'moving-average' | 'percentile' | 'entropy' | 'mse';

/** A name in which `*` stands for any characters; or, in a configuration file, an expression that is looked for in the name. */
export type NamePattern = string | RegExp;

/** What can be said of one model: in the plugin's options, in the import's query, on the command line. The query wins. */
export interface ModelOptions {
  /**
   * How the model is stored and computed.
   * - `int8`: integer matrix products where they help (`int8-dynamic`), small storage for the other weights.
   * - `int8-dynamic`: only integer matrix products and embeddings; other weights stay float32.
   * - `int8-static`: integer arithmetic with scales that samples fix (`calibration`), for convolutional models on CPUs; small storage for the rest.
   * - `int8-storage`: 8-bit weights that the engine unpacks once at load; float32 arithmetic, any backend.
   * - `int4`: 4-bit weights that stay packed in memory (MatMulNBits, GatherBlockQuantized); 8-bit storage for the rest.
   * - `int4-fp16`: the same with half-precision arithmetic, for GPUs; half precision for the rest; inputs and outputs stay float32.
   * - `int8-weight`: 8-bit weights that stay packed in memory, in blocks; 8-bit storage for the rest.
   * - `int4-storage`: 4-bit weights that the engine unpacks once at load; float32 arithmetic, any backend.
   * - `fp16-storage`: the same with half precision.
   * - `fp16`: half-precision arithmetic, for GPUs; inputs and outputs stay float32.
   * - `none`: the file as it is, with everything else the plugin does.
   * @default 'int8'
   */
  format?: Format;
  /**
   * Operators that `int8` and `int8-dynamic` compute in integers. `Conv` has to be asked for: onnxruntime's ConvInteger is slow. So has
   * `LSTM`: it is up to 5 times faster in onnxruntime-node, up to 3 times slower in WebAssembly, and less exact than 8-bit storage.
   * @default ['MatMul', 'Gemm', 'Gather']
   */
  ops?: DynamicOp[];
  /**
   * The integers of activations in `int8-static`: `u8` is the fastest on x86 and in WebAssembly, `s8` on ARM.
   * @default 'u8'
   */
  activations?: ActivationIntegers;
  /** Weights of 7 bits in `int8-static`: exact on x86 processors without VNNI, whose products of 8-bit integers overflow. @default false */
  reduceRange?: boolean;
  /** A scale for each output channel of a weight in `int8-static`, or one for the whole weight. @default true */
  perChannel?: boolean;
  /**
   * Compute depthwise convolutions in integers in `int8-static`, which is faster in onnxruntime-node and slower in WebAssembly. `int8` keeps
   * them in float32 where that is faster in WebAssembly.
   * @default true
   */
  integerDepthwise?: boolean;
  /** Correct biases in `int8-static` by the mean error that rounding the weights brings to the samples. @default true */
  biasCorrection?: boolean;
  /**
   * Whether `int8-static` evens out the channels of activations first, by powers of two that move from one product's weights to the next
   * one's: the model computes the same, and channels that differ a lot in range can share a scale.
   * @default true
   */
  equalize?: boolean;
  /**
   * Whether `int8-static` moves large channels of what matrix products read into their weights, which have scales of their own: what is read
   * then needs fewer levels. Transformers lose much less accuracy.
   * @default true
   */
  smooth?: boolean;
  /**
   * Whether `int8-static` chooses for each weight if it is rounded up or down, by what it does to the outputs of its layer on the samples.
   * Takes more time.
   * @default false
   */
  reconstruct?: boolean;
  /**
   * Weights that share one scale in `int4`, `int4-fp16`, `int8-weight` and `int4-storage`: 16, 32, 64, 128 or 256. Smaller blocks are more exact and
   * take more bytes: 4.63 bits a weight for 32, 4.16 for 128 (4-bit weights with zero points). Rows that it does not divide get smaller ones.
   * @default 32
   */
  block?: number;
  /**
   * How the range of a block is chosen.
   * - `search`: least squared error of the weights over many ranges.
   * - `rtn`: the whole range, rounded to nearest, as onnxruntime's own quantizer does.
   * - `hqq`: half-quadratic quantization, which lets few weights be far off so that most are near.
   * - `k-quant`: least squares in which large weights count more, as in llama.cpp.
   * - `gptq`: `search`, and then each weight makes good the errors of those before it for inputs like the samples'; needs `calibration`.
   * @default 'search'
   */
  algorithm?: BlockAlgorithm;
  /**
   * Whether zero is the middle level of every block, or blocks have zero points of their own, which are more exact and take 4 or 8 bits each.
   * `int4-storage` is always symmetric.
   * @default false for 4-bit weights, true for 8-bit ones
   */
  symmetric?: boolean;
  /**
   * Weights that 4-bit formats keep in 8 bits, by their name or that of a node that reads them; `*` stands for any characters.
   * A list wins over the default, an empty one keeps nothing in 8 bits.
   * @default embeddings, and products that give an output of the model, where they are at most 1/32 of all such weights
   * @example ['lm_head*']
   */
  mixed?: NamePattern[];
  /**
   * Nodes and weights to leave as they are, by name. A weight is also left when a node that reads it is named. A text has to be the whole
   * name, with `*` for any characters; a RegExp, which only a configuration file can give, has to be found in it.
   * @default []
   * @example ['lm_head*', '/encoder/layer.0/*', /\.(gate|router)\./]
   */
  exclude?: NamePattern[];
  /**
   * Operators whose weights are left as they are, whatever the format does.
   * @default []
   * @example ['Conv', 'Gather']
   */
  excludeOps?: string[];
  /**
   * The only nodes and weights to change, named as in `exclude`; what `exclude` names stays even so.
   * @default [], which is all of them
   */
  include?: NamePattern[];
  /**
   * Weights with fewer elements are left as they are. Below it formats have limits of their own: integer arithmetic takes weights from 1,024
   * elements on, storage those that become smaller. Half-precision graphs (`fp16`, and what is no weight in `int4-fp16`) do not look at it.
   * @default 1
   */
  minElements?: number;
  /**
   * Keep the names of nodes and inner values. They are shortened otherwise, as a minifier does, which saves up to a few per cent;
   * names of inputs and outputs always stay.
   * @default false
   */
  keepNames?: boolean;
  /**
   * Samples that accuracy is measured on, and that static quantization and GPTQ look at: a path of a module that yields feeds, of arrays (.npz, .npy, .json, .jsonl), of texts with a tokenizer.json beside
   * them, of .wav files or of images, a folder or pattern of such files; or, in a configuration file, an object that also says how they are prepared.
   * @example './photos'
   * @example { images: './photos/*.jpg', mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
   */
  calibration?: string | CalibrationSpec;
  /**
   * How static quantization chooses the range of an activation from what the samples showed.
   * - `minmax`: all values.
   * - `moving-average`: the samples' smallest and largest values, averaged.
   * - `percentile`: all but the outermost 0.001 % of the values.
   * - `entropy`: least loss of information (Kullback-Leibler divergence), as TensorRT chooses it.
   * - `mse`: least squared error of the values.
   * @default 'minmax'
   */
  calibrationMethod?: CalibrationMethod;
  /** The largest number of samples taken. @default 100 */
  sampleLimit?: number;
  /** Limits that the artefact must hold, or the build fails. */
  budget?: Budget;
  /** Create and run every artefact once in the engines it is for. @default true */
  verify?: boolean;
}

/** Options of the plugin. Those of a model are defaults for all models. */
export interface Options extends ModelOptions {
  /** Where results are kept between builds, or false to keep none. @default 'node_modules/.cache/unplugin-quantize' */
  cache?: string | false;
  /** Path of the report, from the project's root, or false to write none. @default 'quantize-report.json' */
  report?: string | false;
  /** Worker threads that quantize models side by side. @default half of the cores, at least 1 */
  workers?: number;
}

/** Options with every default filled in. */
export type ResolvedModelOptions = Required<Omit<ModelOptions, Unset>> & { [Key in Unset]: ModelOptions[Key] | undefined };

/** Options without a default of their own. */
type Unset = 'calibration' | 'symmetric' | 'mixed';

type Kind = 'format' | 'ops' | 'names' | 'words' | 'samples' | 'count' | 'budget' | 'flag' | 'block' | 'algorithm' | 'activations' | 'method';

interface OptionRow {
  kind: Kind;
  /** Whether the import's query may set it. */
  query: boolean;
  /** One line for the command line's help and the README. */
  help: string;
}

export const FORMATS: Record<Format, string> = {
  'int8': 'integer matrix products where they help, 8-bit storage for the rest',
  'int8-dynamic': 'integer matrix products and embeddings only',
  'int8-static': 'integer arithmetic with scales fixed by samples, 8-bit storage for the rest',
  'int8-storage': '8-bit weights, float32 arithmetic, every backend',
  'int4': '4-bit weights in memory, float32 arithmetic, 8-bit storage for the rest',
  'int4-fp16': '4-bit weights in memory, half-precision arithmetic, for GPUs',
  'int8-weight': '8-bit weights in memory, float32 arithmetic, 8-bit storage for the rest',
  'int4-storage': '4-bit weights that are unpacked at load, float32 arithmetic, every backend',
  'fp16': 'half-precision arithmetic, for GPUs',
  'fp16-storage': 'half-precision weights, float32 arithmetic, every backend',
  'none': 'the model as it is',
};

/** Formats that cannot do without samples. */
export const SAMPLED_FORMATS: readonly Format[] = ['int8-static'];

export const DYNAMIC_OPS: readonly DynamicOp[] = ['MatMul', 'Gemm', 'Gather', 'LSTM', 'Conv'];

/** Sizes of blocks that onnxruntime has kernels for. */
export const BLOCK_SIZES: readonly number[] = [16, 32, 64, 128, 256];

export const ACTIVATION_INTEGERS: readonly ActivationIntegers[] = ['u8', 's8'];

export const BLOCK_ALGORITHMS: readonly BlockAlgorithm[] = ['search', 'rtn', 'hqq', 'k-quant', 'gptq'];

export const CALIBRATION_METHODS: readonly CalibrationMethod[] = ['minmax', 'moving-average', 'percentile', 'entropy', 'mse'];

/** The options of a model, for validation, query, command line and documentation. */
export const MODEL_OPTIONS: Record<keyof ModelOptions, OptionRow> = {
  format: { kind: 'format', query: true, help: 'how the model is stored and computed' },
  ops: { kind: 'ops', query: true, help: 'operators computed in integers' },
  activations: { kind: 'activations', query: true, help: 'integers of activations in int8-static' },
  reduceRange: { kind: 'flag', query: true, help: '7-bit weights in int8-static, for x86 without VNNI' },
  perChannel: { kind: 'flag', query: true, help: 'give each output channel of a weight a scale of its own in int8-static' },
  equalize: { kind: 'flag', query: true, help: 'even out the channels of activations in int8-static' },
  smooth: { kind: 'flag', query: true, help: 'move large channels of inputs into weights in int8-static' },
  reconstruct: { kind: 'flag', query: true, help: 'round weights in int8-static by what they do to outputs on the samples' },
  integerDepthwise: { kind: 'flag', query: true, help: 'compute depthwise convolutions in integers in int8-static' },
  biasCorrection: { kind: 'flag', query: true, help: 'correct biases by the mean error of rounded weights in int8-static' },
  block: { kind: 'block', query: true, help: 'weights that share a scale in 4-bit and 8-bit weight-only formats' },
  algorithm: { kind: 'algorithm', query: true, help: 'how the range of a block of weights is chosen' },
  symmetric: { kind: 'flag', query: true, help: 'blocks of weights without zero points' },
  mixed: { kind: 'names', query: true, help: 'weights that 4-bit formats keep in 8 bits; * stands for any characters' },
  exclude: { kind: 'names', query: true, help: 'nodes and weights to leave as they are; * stands for any characters' },
  excludeOps: { kind: 'words', query: true, help: 'operators whose weights to leave as they are' },
  include: { kind: 'names', query: true, help: 'the only nodes and weights to change; * stands for any characters' },
  minElements: { kind: 'count', query: true, help: 'leave weights with fewer elements as they are' },
  keepNames: { kind: 'flag', query: true, help: 'keep the names of nodes and inner values' },
  calibration: { kind: 'samples', query: true, help: 'samples that accuracy is measured on: a module, arrays, images, texts, sound, or a folder of them' },
  calibrationMethod: { kind: 'method', query: true, help: 'how static quantization chooses the ranges of activations' },
  sampleLimit: { kind: 'count', query: true, help: 'the largest number of samples taken' },
  budget: { kind: 'budget', query: false, help: 'limits that the artefact must hold' },
  verify: { kind: 'flag', query: false, help: 'run every artefact once in the engines it is for' },
};

export const MODEL_DEFAULTS: ResolvedModelOptions = {
  format: 'int8',
  ops: ['MatMul', 'Gemm', 'Gather'],
  activations: 'u8',
  reduceRange: false,
  perChannel: true,
  integerDepthwise: true,
  biasCorrection: true,
  equalize: true,
  smooth: true,
  reconstruct: false,
  block: 32,
  algorithm: 'search',
  symmetric: undefined,
  mixed: undefined,
  exclude: [],
  excludeOps: [],
  include: [],
  minElements: 1,
  keepNames: false,
  calibration: undefined,
  calibrationMethod: 'minmax',
  sampleLimit: 100,
  budget: {},
  verify: true,
};

/** Limits of a budget with the values that may be asked for. */
export const BUDGET_LIMITS: Record<keyof Budget, { accepts(value: number): boolean; range: string; help: string }> = {
  cosine: { accepts: (value) => value >= 0 && value <= 1, range: 'a number from 0 to 1', help: 'lowest cosine similarity of any output' },
  maxBytes: { accepts: (value) => Number.isSafeInteger(value) && value > 0, range: 'a whole number of bytes above 0', help: 'largest size in bytes' },
  ratio: { accepts: (value) => value > 0 && Number.isFinite(value), range: 'a number above 0', help: 'largest size divided by the size of the source' },
};

/**
 * Checks and completes options; later layers win, and only keys that they set.
 *
 * @throws QuantizeError OPTION_UNKNOWN, OPTION_INVALID
 */
export function resolveModelOptions(...layers: ModelOptions[]): ResolvedModelOptions {
  const resolved: ResolvedModelOptions = { ...MODEL_DEFAULTS };
  for (const layer of layers) {
    for (const key of Object.keys(layer)) checkKey(key, Object.keys(MODEL_OPTIONS), 'option');
    const set = Object.entries(layer).filter(([, value]) => value !== undefined);
    for (const [key, value] of set) CHECKS[MODEL_OPTIONS[key as keyof ModelOptions].kind](value, key);
    Object.assign(resolved, Object.fromEntries(set));
  }
  return resolved;
}

/** @throws QuantizeError OPTION_UNKNOWN with the nearest known word */
export function checkKey(key: string, known: readonly string[], what: string): void {
  if (known.includes(key)) return;
  throw new QuantizeError('OPTION_UNKNOWN', `There is no ${what} "${key}".`, { option: key, hint: didYouMean(key, known) });
}

const CHECKS: Record<Kind, (value: unknown, key: string) => void> = {
  format: (value, key) => oneOf(value, key, Object.keys(FORMATS)),
  ops: (value, key) => list(value, key).forEach((op) => oneOf(op, key, DYNAMIC_OPS)),
  block: (value, key) => expect(BLOCK_SIZES.includes(value as number), key, value, `one of ${BLOCK_SIZES.join(', ')}`),
  algorithm: (value, key) => oneOf(value, key, BLOCK_ALGORITHMS),
  method: (value, key) => oneOf(value, key, CALIBRATION_METHODS),
  activations: (value, key) => oneOf(value, key, ACTIVATION_INTEGERS),
  names: checkPatterns,
  words: (value, key) => void list(value, key),
  samples: (value, key) => checkCalibration(value, key),
  count: (value, key) => expect(Number.isSafeInteger(value) && (value as number) > 0, key, value, 'a whole number above 0'),
  budget: checkBudget,
  flag: (value, key) => expect(typeof value === 'boolean', key, value, 'true or false'),
};

function checkBudget(value: unknown, key: string): void {
  expect(typeof value === 'object' && value !== null && !Array.isArray(value), key, value, 'an object of limits');
  for (const [limit, asked] of Object.entries(value as object)) {
    checkKey(limit, Object.keys(BUDGET_LIMITS), 'budget limit');
    const { accepts, range } = BUDGET_LIMITS[limit as keyof Budget];
    expect(asked === undefined || (typeof asked === 'number' && accepts(asked)), `${key}.${limit}`, asked, range);
  }
}

function list(value: unknown, key: string): unknown[] {
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string');
  expect(isList, key, value, 'a list of strings');
  return value as unknown[];
}

function checkPatterns(value: unknown, key: string): void {
  const held = Array.isArray(value) && value.every((item) => typeof item === 'string' || isRegExp(item));
  expect(held, key, value, 'a list of names and regular expressions');
}

/** Also for an expression of another realm, as test runners and bundlers make them. */
export function isRegExp(value: unknown): value is RegExp {
  return Object.prototype.toString.call(value) === '[object RegExp]';
}

function oneOf(value: unknown, key: string, known: readonly string[]): void {
  if (typeof value === 'string' && known.includes(value)) return;
  throw new QuantizeError('OPTION_INVALID', `${JSON.stringify(value)} is not a value of "${key}".`, { option: key, hint: didYouMean(String(value), known) });
}

function expect(held: boolean, key: string, value: unknown, wanted: string): void {
  if (held) return;
  const found = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? typeof value);
  throw new QuantizeError('OPTION_INVALID', `"${key}" is ${found}, which is not ${wanted}.`, { option: key });
}
