import type { ActivationIntegers, ArtefactOptions, BlockAlgorithm, CalibrationMethod, DynamicOp, ModelOptions, OnFail } from './options.ts';
import type { Budget, Format, Target } from './types.ts';

/** How an option's value is read and checked. */
export type OptionKind = 'preset' | 'format' | 'ops' | 'names' | 'words' | 'samples' | 'count' | 'budget' | 'flag' | 'block' | 'algorithm' | 'activations' | 'method' | 'evaluate' | 'onFail' | 'targets';

interface OptionRow {
  kind: OptionKind;
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

/** Where artefacts run. */
export const TARGETS: Record<Target, string> = {
  'webgpu': 'browsers, on the GPU',
  'wasm': 'browsers, on the CPU',
  'node': 'Node, on the CPU',
  'node-cuda': 'Node, on an NVIDIA GPU',
};

/** Formats that cannot do without samples. */
export const SAMPLED_FORMATS: readonly Format[] = ['int8-static'];

export const DYNAMIC_OPS: readonly DynamicOp[] = ['MatMul', 'Gemm', 'Gather', 'LSTM', 'Conv'];

/** Sizes of blocks that onnxruntime has kernels for. */
export const BLOCK_SIZES: readonly number[] = [16, 32, 64, 128, 256];

export const ACTIVATION_INTEGERS: readonly ActivationIntegers[] = ['u8', 's8'];

export const BLOCK_ALGORITHMS: readonly BlockAlgorithm[] = ['search', 'rtn', 'hqq', 'k-quant', 'gptq'];

export const CALIBRATION_METHODS: readonly CalibrationMethod[] = ['minmax', 'moving-average', 'percentile', 'entropy', 'mse'];

export const ON_FAIL: readonly OnFail[] = ['error', 'warn', 'fallback', 'back-off'];

/** The options of a model, for validation, query, command line and documentation. */
export const MODEL_OPTIONS: Record<keyof ModelOptions, OptionRow> = {
  preset: { kind: 'preset', query: true, help: 'a choice of other options by what matters most; those that are set beside it win' },
  format: { kind: 'format', query: true, help: 'how the model is stored and computed' },
  targets: { kind: 'targets', query: true, help: 'where the model is to run' },
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
  half: { kind: 'names', query: true, help: 'weights that are stored in half precision, whatever the format does' },
  minElements: { kind: 'count', query: true, help: 'leave weights with fewer elements as they are' },
  keepNames: { kind: 'flag', query: true, help: 'keep the names of nodes and inner values' },
  calibration: { kind: 'samples', query: true, help: 'samples that accuracy is measured on: a module, arrays, images, texts, sound, or a folder of them' },
  calibrationMethod: { kind: 'method', query: true, help: 'how static quantization chooses the ranges of activations' },
  sampleLimit: { kind: 'count', query: true, help: 'the largest number of samples taken' },
  evaluate: { kind: 'evaluate', query: true, help: 'a module that judges source and artefact' },
  latency: { kind: 'flag', query: true, help: 'measure latency, load time and memory of source and artefact' },
  compressed: { kind: 'flag', query: true, help: 'tell what source and artefact take as gzip and brotli' },
  budget: { kind: 'budget', query: false, help: 'limits that the artefact must hold' },
  onFail: { kind: 'onFail', query: true, help: 'what a broken budget does' },
  verify: { kind: 'flag', query: false, help: 'run every artefact once in the engines it is for' },
};

export const MODEL_DEFAULTS: ArtefactOptions = {
  preset: undefined,
  format: 'int8',
  targets: undefined,
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
  half: [],
  minElements: 1,
  keepNames: false,
  calibration: undefined,
  calibrationMethod: 'mse',
  sampleLimit: 100,
  evaluate: undefined,
  latency: false,
  compressed: false,
  budget: {},
  onFail: 'error',
  verify: true,
};

interface LimitRow {
  /** A table has a limit for each metric that it names. */
  isTable?: true;
  accepts(value: number): boolean;
  range: string;
  help: string;
}

const isShare = (value: number): boolean => value >= 0 && value <= 1;

/** Limits of a budget with the values that may be asked for. */
export const BUDGET_LIMITS: Record<keyof Budget, LimitRow> = {
  cosine: { accepts: isShare, range: 'a number from 0 to 1', help: 'lowest cosine similarity of any output' },
  accuracyDrop: { accepts: isShare, range: 'a number from 0 to 1', help: 'largest loss of accuracy' },
  floors: { isTable: true, accepts: Number.isFinite, range: 'a number', help: 'lowest values of metrics' },
  ceilings: { isTable: true, accepts: Number.isFinite, range: 'a number', help: 'highest values of metrics' },
  maxBytes: { accepts: (value) => Number.isSafeInteger(value) && value > 0, range: 'a whole number of bytes above 0', help: 'largest size in bytes' },
  compressedBytes: { accepts: (value) => Number.isSafeInteger(value) && value > 0, range: 'a whole number of bytes above 0', help: 'largest size in bytes after gzip' },
  ratio: { accepts: (value) => value > 0 && Number.isFinite(value), range: 'a number above 0', help: 'largest size divided by the size of the source' },
  latencyRatio: { accepts: (value) => value > 0 && Number.isFinite(value), range: 'a number above 0', help: 'largest latency divided by that of the source' },
  integerShare: { accepts: isShare, range: 'a number from 0 to 1', help: 'smallest share of the work that integer kernels do' },
};

/** Limits that are held against what running the models showed. */
export const MEASURED_LIMITS: readonly (keyof Budget)[] = ['cosine', 'accuracyDrop', 'floors', 'ceilings'];
