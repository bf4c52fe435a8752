/** Types that several rooms share and that the runtime may import. No code lives here. */
import type { Attempt, BaselineChange, BudgetResult } from './budgets.ts';
import type { ModelDetails } from './details.ts';
import type { CompressedBytes, LatencyReport } from './measurements.ts';

export type * from './budgets.ts';
export type * from './details.ts';
export type * from './measurements.ts';

/** How weights and arithmetic are stored; the value of `format`, of `?quantize=` and of `--format`. */
export type Format = 'int8' | 'int8-dynamic' | 'int8-static' | 'int8-storage' | 'int4' | 'int4-fp16' | 'int4-storage' | 'int8-weight' | 'fp16' | 'fp16-storage' | 'none';

/** Where an artefact is meant to run. */
export type Target = 'webgpu' | 'wasm' | 'node' | 'node-cuda';

/** A format, or `auto`: what is right for the kind of model on its target. */
export type FormatChoice = Format | 'auto';

/** An engine that artefacts are run in at build time. */
export type EngineName = 'onnxruntime-node' | 'onnxruntime-web';

/** An input or output of a model: a symbolic dimension is its name, an unknown one null. */
export interface ValueSignature {
  name: string;
  /** Element type by its ONNX name in lower case: `float32`, `int64`, `uint8`... or `unknown`. */
  dtype: string;
  dims: (number | string | null)[] | null;
}

/** One artefact that the build emitted for one target. */
export interface ModelVariant {
  target: Target;
  format: Format;
  /** In a browser a URL; in Node a file: URL or a path. Of the first part where there are several. */
  url: string;
  /** Of the artefact; less may be downloaded (`transferBytes`). */
  bytes: number;
  /** Lower-case hexadecimal SHA-256 of the artefact. */
  sha256: string;
  /** How the file is compressed, for the runtime to unpack; absent where it is the artefact itself. */
  encoding?: 'gzip';
  /** Bytes of the compressed file. */
  transferBytes?: number;
  /** The file in parts that follow one another, where it is larger than one file may be. */
  parts?: { url: string; bytes: number }[];
  /** Bytes of its largest tensor in an engine, which GPUs limit; absent where it is not known. */
  largestTensorBytes?: number;
  /** How far outputs on the canary may be from its reference; absent where there is no canary. */
  tolerance?: Record<string, CanaryTolerance>;
  /** The oldest onnxruntime release that runs the file, such as `1.17.0`. */
  minOnnxruntime: string;
  /** Session options that the format needs; they win over the user's. */
  sessionOptions: Record<string, unknown>;
}

/** An input of the canary. */
export interface CanaryInput {
  /** Element type by its ONNX name in lower case. */
  dtype: string;
  dims: number[];
  /** The first elements in row-major order, little-endian, as base64; repeated until the tensor is full. */
  data: string;
}

/** What the source model makes of the canary's inputs, in a trusted engine. */
export interface CanaryOutput {
  dims: number[];
  /** Every so many elements one was kept: 0, step, 2 step... */
  step: number;
  /** They as float32, little-endian, as base64. */
  data: string;
}

/** A kept element is right when |found - reference| <= absolute + relative * |reference|. */
export interface CanaryTolerance {
  absolute: number;
  relative: number;
  /** The reference, where it is not the source's: what the artefact itself gives in a trusted engine, from which only a wrong backend is far. */
  expected?: CanaryOutput;
}

/** A small input and the source model's outputs: a backend that gives anything else on it is not used. */
export interface Canary {
  inputs: Record<string, CanaryInput>;
  outputs: Record<string, CanaryOutput>;
}

/** What `import model from './model.onnx?quantize'` gives, alike in dev, build and SSR. */
export interface QuantizedModel {
  name: string;
  /** SHA-256 of the first variant. */
  hash: string;
  source: { bytes: number; hash: string };
  inputs: ValueSignature[];
  outputs: ValueSignature[];
  /** Null where the source ran on no input at build time. */
  canary?: Canary | null;
  variants: ModelVariant[];
  report: ReportSummary;
}

/** A model whose inputs and outputs are known to the compiler, as the option `dts` writes them down: each `{ dtype: 'float32'; dims: [1, 'n'] }`. */
export interface TypedModel<Inputs extends object, Outputs extends object> extends QuantizedModel {
  /** For the compiler only. */
  readonly signature?: { inputs: Inputs; outputs: Outputs };
}

/** The few figures of the report that travel with the module. */
export interface ReportSummary {
  format: Format;
  /** Artefact bytes divided by source bytes. */
  ratio: number;
  /** The lowest cosine of all outputs, or null when nothing was measured. */
  cosine: number | null;
}

/** What became of one weight. */
export interface WeightDecision {
  /** Name of the tensor in the source model, prefixed with `subgraph/` names where it is nested. */
  tensor: string;
  /** Operators that read it, sorted. */
  ops: string[];
  dims: number[];
  dtype: string;
  /** Scheme used (`int8-dynamic`, `int8-storage`, `fp16`...) or `kept`. */
  scheme: string;
  /** Bytes before and after, scales and zero points included. */
  bytesBefore: number;
  bytesAfter: number;
  /** Why it was kept, for `kept`. */
  reason?: string;
}

/** The outcome of creating and running the artefact once in an engine. */
export interface EngineCheck {
  engine: EngineName;
  version: string | null;
  outcome: 'ran' | 'not-run';
  /** Why it was not run. */
  reason?: string;
  /** What the engine does not tell of the target. */
  note?: string;
}

/** Distance of one output of the artefact to the same output of the source, over all samples. */
export interface OutputAccuracy {
  name: string;
  /** Lowest cosine similarity of a sample. */
  cosine: number;
  /** Mean cosine similarity over samples. */
  meanCosine: number;
  /** Largest absolute difference of an element. */
  maxAbsError: number;
  meanAbsError: number;
  /** Signal to quantization noise in dB over all samples; null when the outputs are equal. */
  sqnr: number | null;
  /** Share of rows (last axis) whose largest element is the same; null where the last axis has fewer than 2 elements. */
  top1Agreement: number | null;
  /** Share of rows whose largest element in the source is among the artefact's five largest; null where the last axis has fewer than 6 elements. */
  top5Agreement?: number | null;
  /**
   * Mean Kullback-Leibler divergence of the artefact's rows (last axis) from the source's, in nats. Rows are probabilities where all rows
   * of the source are; otherwise their softmax is taken. Null where elements are no floats, or the last axis has fewer than 2.
   */
  klDivergence?: number | null;
  /** Index of the sample with the lowest cosine. */
  worstSample: number;
}

/** How well source and artefact do a task. */
export interface TaskMetric {
  /** `accuracy`, or as the user's evaluator calls it. */
  name: string;
  /** `labels`: answers against the samples' labels. `agreement`: the source's answers count as right. `evaluate`: a figure of the user's evaluator. */
  from: 'labels' | 'agreement' | 'evaluate';
  source: number;
  artefact: number;
  /** How many answers were counted; null for figures of an evaluator. */
  answers: number | null;
  /** Half of the 95 % interval of source - artefact; null where it is not known. */
  margin: number | null;
}

export interface AccuracyReport {
  engine: EngineName;
  engineVersion: string;
  samples: number;
  /** True when inputs were generated from the model's signature because no samples were given. */
  synthetic: boolean;
  outputs: OutputAccuracy[];
  /** What the task makes of the outputs; absent where nothing can be counted. */
  metrics?: TaskMetric[];
}

/** A file beside an artefact that has its large weights. */
export interface ArtefactDataFile {
  /** Name by which the artefact refers to it, relative to its own folder. */
  location: string;
  bytes: number;
  sha256: string;
}

/** How much of a model's work integer kernels do, predicted from what onnxruntime fuses. */
export interface IntegerShare {
  /** Share of the multiply-adds, 0 to 1. */
  share: number;
  /** Products with constant weights, in the order of the graph. */
  nodes: {
    node: string;
    op: string;
    /** The operator that onnxruntime makes of it; null where it stays float32. */
    kernel: string | null;
    /** In one run, averaged over the samples. */
    multiplyAdds: number;
  }[];
}

/** What a browser downloads to run an artefact for the first time. Compressed sizes are there where they were asked for. */
export interface FirstVisit {
  /** Bytes of the artefact as it is published. */
  model: number;
  compressed?: CompressedBytes;
  /** The .wasm file of onnxruntime-web. */
  runtime: { file: string; bytes: number; compressed?: CompressedBytes };
}

/** Everything that is known of one artefact of a model; an entry of quantize-report.json. */
export interface ModelReport {
  name: string;
  /** What the artefact is for; absent where nobody said it. Targets of the same format share an entry. */
  targets?: Target[];
  /** What a device must have to be given it: GPUs without it get the other artefact for the same target. */
  needs?: 'shader-f16';
  requestedFormat: FormatChoice;
  /** The format used: `none` when quantizing would have made the file larger. */
  format: Format;
  /** `compressed` is there where it was asked for. */
  source: { bytes: number; sha256: string; compressed?: CompressedBytes };
  /** `bytes` and `ratio` count external data too, `sha256` is that of the model's file. */
  artefact: { bytes: number; sha256: string; ratio: number; minOnnxruntime: string; data?: ArtefactDataFile; compressed?: CompressedBytes };
  inputs: ValueSignature[];
  outputs: ValueSignature[];
  weights: WeightDecision[];
  /** Sentences that a reader must not miss: fallbacks, things not done and why. */
  notes: string[];
  /** For formats with fixed scales of activations. */
  integerShare?: IntegerShare;
  checks: EngineCheck[];
  accuracy: AccuracyReport | null;
  /** Where it was asked for. */
  latency?: LatencyReport;
  /** In builds for browsers. */
  firstVisit?: FirstVisit;
  /** Where an HTML report was asked for. */
  details?: ModelDetails;
  budget: BudgetResult[];
  /** What was tried, in order, where more than one artefact was made. */
  attempts?: Attempt[];
  /** What has changed against the committed baseline, where there is one. */
  baseline?: BaselineChange[];
}
