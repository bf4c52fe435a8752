import type { CalibrationSpec } from './calibration.ts';
import type { CacheSpec } from './cache-options.ts';
import type { BaselineSpec, EvaluateSpec, OnFail } from './gate-options.ts';
import type { Preset } from './presets.ts';
import type { ResourceOptions } from './resource-options.ts';
import type { Budget, FormatChoice, Target } from './types.ts';

export type * from './cache-options.ts';
export type * from './gate-options.ts';
export type * from './resolved-options.ts';
export type { Limits } from './limits.ts';
export * from './option-checks.ts';
export * from './option-tables.ts';
export * from './presets.ts';

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

/** The format of each target; `int8` for those that are not named. */
export type FormatByTarget = Partial<Record<Target, FormatChoice>>;

/**
 * What can be said of one model: in the plugin's options, in its entry `models`, in a file beside the model, in the import's query, on the
 * command line. Later ones win.
 */
export interface ModelOptions {
  /**
   * A choice of other options by what matters most. Options that are set beside it win, as everywhere; where several places name a preset, only the last one counts.
   * - `balanced`: `format: 'auto'`, a small and fast file for each kind of model.
   * - `smallest`: the least download, and in Node the least memory: 4-bit weights.
   * - `fastest`: the shortest runs: integers on CPUs, `auto` on GPUs and in WebAssembly.
   * - `most-accurate`: answers nearest to the source's, at half of its size: half-precision weights, float32 arithmetic.
   * @default none
   */
  preset?: Preset;
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
   * - `auto`: what is right for the kind of model on each target; with a budget the first choice that holds it.
   *
   * An object gives each target its own. For WebGPU, which computes integers slowly, the formats `int8`, `int8-dynamic` and `int8-static` mean
   * `int8-storage` unless an object says otherwise.
   * @default 'int8'
   * @example { webgpu: 'fp16', wasm: 'int8' }
   */
  format?: FormatChoice | FormatByTarget;
  /**
   * Where the model is to run: `webgpu`, `wasm`, `node`, `node-cuda`. Each gets an artefact of its own, or shares one of the same format.
   * @default ['webgpu', 'wasm'] in builds for browsers, ['node'] in those for servers
   */
  targets?: Target[];
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
   * Weights that are stored in half precision and computed in float32 whatever the format does, named as in `exclude`, which wins.
   * `onFail: 'back-off'` finds those that need it.
   * @default []
   */
  half?: NamePattern[];
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
   * @default 'mse'
   */
  calibrationMethod?: CalibrationMethod;
  /** The largest number of samples taken. @default 100 */
  sampleLimit?: number;
  /**
   * A module whose default export judges a model: `(run, { inputs, outputs }) => ({ accuracy: 0.93 })`. It runs on the source and on the artefact, in the
   * engine of its target, on data of its own; the metrics it returns go into the report, and `budget` can limit them.
   * @example './evaluate.ts'
   * @example { module: './evaluate.ts', files: './test-set', timeLimit: 1800 }
   */
  evaluate?: string | EvaluateSpec;
  /**
   * Measure how fast source and artefact run, how long they take to load and how much memory they need, each in a process of its own, in turn; and
   * estimate the energy of a run. Takes some seconds for each artefact.
   * @default false
   */
  latency?: boolean;
  /** Tell what source and artefact take on the wire, as gzip and brotli. Takes a second for each 30 MB. @default false */
  compressed?: boolean;
  /** Limits that the artefact must hold, or the build fails. */
  budget?: Budget;
  /**
   * What a broken budget does.
   * - `error`: the build fails.
   * - `warn`: a warning.
   * - `fallback`: the next format that keeps more is used, down to the source itself.
   * - `back-off`: the weights whose quantization costs the most accuracy stay in half precision, as few as hold the budget; the smallest artefact of this
   *   and of the formats that keep more. Takes many runs of the model, once: the search is cached.
   * @default 'error'
   */
  onFail?: OnFail;
  /** Create and run every artefact once in the engines it is for. @default true */
  verify?: boolean;
}

/** Options of some models. */
export interface ModelRule extends ModelOptions {
  /**
   * Patterns of paths from the project's root; a model of a package has the package's name and its path in there. `*` stays inside a folder,
   * `**` goes through all folders.
   * @example 'models/ocr/*.onnx'
   */
  match: string | string[];
}

/** A build of onnxruntime-web. */
export type OnnxruntimeBuild = 'wasm' | 'webgpu' | 'jspi';

/** Options of the plugin. Those of a model are defaults for all models. */
export interface Options extends ModelOptions, ResourceOptions {
  /** Options of models by their path; later entries win. @example [{ match: 'models/large/**', format: 'int4' }] */
  models?: ModelRule[];
  /**
   * Write a declaration file with the inputs and outputs of every imported model, so that `session.run({ imgae })` is a compile error: true
   * for `quantize.d.ts`, or a path from the project's root.
   * @default false
   */
  dts?: boolean | string;
  /**
   * The build of onnxruntime-web that all imports of it lead to, so that an app has one .wasm file: `webgpu` for GPUs and CPUs, `jspi` the same in two thirds of the size for browsers that can
   * suspend WebAssembly (Chromium), `wasm` for CPUs only. `false` leaves imports as they are.
   * @default 'webgpu' where a model's targets name it, 'wasm' otherwise
   */
  onnxruntime?: OnnxruntimeBuild | false;
  /**
   * Whether files for browsers are compressed, for the runtime to unpack: of use where the host does not compress `.onnx` files. Quantized weights become 6 to 9 % smaller. Other readers of the
   * URLs would have to unpack them; imports with `&url` are never compressed.
   * @default false
   */
  compress?: 'gzip' | false;
  /**
   * The most bytes of one file for browsers; larger ones are published in parts, which the runtime puts together.
   * @default no limit
   * @example 25 * 1024 * 1024 // Cloudflare Pages
   */
  maxFileBytes?: number;
  /**
   * Compressed files beside `.onnx` and `.wasm` files in builds for browsers, `model.onnx.br` and `model.onnx.gz`, for servers that hand them out in place of compressing: takes up to ten seconds for onnxruntime-web's
   * file, once.
   * @default []
   * @example ['gzip', 'brotli']
   */
  precompress?: ('gzip' | 'brotli')[];
  /**
   * Send the headers that make pages cross-origin isolated (COOP and COEP) from the dev and preview servers of Vite and the dev servers of webpack and Rspack: onnxruntime-web then runs in several
   * threads. `'credentialless'` lets pages show files of other sites that do not allow it. The server that hands out the build has to send them too.
   * @default false
   */
  crossOriginIsolation?: boolean | 'credentialless';
  /** Where results are kept between builds: a folder, false to keep none, or `{ folder, remote }` with a cache that machines share. @default 'node_modules/.cache/unplugin-quantize' */
  cache?: string | false | CacheSpec;
  /**
   * Reports to write: a path from the project's root whose ending (.json, .html, .md) says the form, 'json', 'html' or 'md' for
   * quantize-report with that ending, a list of these, or false for none. HTML takes a closer look at the weights, which costs some time.
   * @default 'quantize-report.json'
   * @example ['json', 'html']
   */
  report?: string | readonly string[] | false;
  /**
   * The committed file that artefacts are held against, or false for none. It is made and updated by a build with `UNPLUGIN_QUANTIZE_UPDATE_BASELINE=1` in its
   * environment; without the file nothing is compared. A figure that got worse by more than its tolerance fails the build.
   * @default 'quantize.lock.json'
   */
  baseline?: string | false | BaselineSpec;
}
