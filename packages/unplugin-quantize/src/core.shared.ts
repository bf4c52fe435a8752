import { QuantizeError } from './errors.ts';
import { checkLimits, withLimits, type Limits } from './limits.ts';
import { bytesSource, readModel as readLazily, readPayload, writeModel as writeLazily, type ByteSource, type ExternalFiles, type Model } from './onnx/index.ts';
import { checkKey, MODEL_OPTIONS, resolveModelOptions, withOneFormat, type ModelOptions } from './options.ts';
import { quantizeSource, type QuantizeOptions } from './quantize/index.ts';
import type { ModelReport } from './types.ts';

export { QuantizeError, type ErrorCode, type ErrorPlace } from './errors.ts';
export type { Model } from './onnx/index.ts';
export type { DynamicOp } from './options.ts';
export type { Format, ValueSignature, WeightDecision } from './types.ts';

export interface ReadOptions {
  /** How errors and the report call the model. @default the path, or 'model' */
  name?: string | undefined;
  /** External data by location, as the model spells it. A model given by its path finds its own. */
  files?: Record<string, Uint8Array> | undefined;
  /** What the model may ask for; one that asks for more is refused. */
  limits?: Partial<Limits> | undefined;
}

export interface CoreOptions extends ReadOptions, Pick<ModelOptions, keyof QuantizeOptions> {
  /** Name of a file beside the artefact that its large weights go to, such as `model.onnx.data`; artefacts of 2 GiB and more need it. */
  externalData?: string | undefined;
}

/** What is known of an artefact that was not run: the build's report without checks, accuracy and budget. */
export interface CoreReport extends Omit<ModelReport, 'checks' | 'accuracy' | 'budget'> {
  /** Session options that the format needs. */
  sessionOptions: Record<string, unknown>;
}

export interface CoreResult {
  /** The artefact; external data is inside unless `data` is there. */
  bytes: Uint8Array;
  /** Content of the file that `externalData` named; absent where no weight is large enough to go there. */
  data?: Uint8Array;
  report: CoreReport;
}

/**
 * The structure of a model. Data of large tensors stays where it is in `bytes`, which must not be changed meanwhile.
 *
 * @throws QuantizeError MODEL_EMPTY, MODEL_NOT_ONNX, MODEL_TRUNCATED, MODEL_INVALID, MODEL_TOO_LARGE, OPSET_UNSUPPORTED
 */
export function readModel(bytes: Uint8Array, { name = 'model', files, limits }: ReadOptions = {}): Model {
  checkLimits(limits);
  return readLazily(bytesSource(bytes, name), filesOf(files, name), withLimits(limits));
}

/** The bytes of a model: those that were read, where nothing was changed. */
export function writeModel(model: Model): Uint8Array {
  return readPayload(writeLazily(model));
}

/** An artefact whose hashes are still to be computed, in which Node and browsers differ. */
export interface Unhashed {
  bytes: Uint8Array;
  data: Uint8Array | undefined;
  /** The report with the SHA-256 of source, artefact and external data. */
  report(source: string, artefact: string, data: string): CoreReport;
}

/** Quantizes in memory, synchronously. */
export function quantizeBytes(source: ByteSource, files: ExternalFiles | undefined, given: CoreOptions): Unhashed {
  const { name = source.name, files: _, externalData, limits, ...options } = given;
  checkLimits(limits);
  if (externalData !== undefined) assertFileName(externalData);
  for (const key of Object.keys(options)) checkKey(key, CORE_OPTIONS, 'option');
  const resolved = withOneFormat(resolveModelOptions(options));
  try {
    const { stream, data: split, externalLocations, format, minOnnxruntime, ...known } = quantizeSource({ ...source, limits: withLimits(limits) }, files, resolved, {}, externalData);
    const [bytes, data] = [readPayload(stream), split && readPayload(split.stream)];
    const artefactBytes = bytes.byteLength + (data?.byteLength ?? 0);
    const sourceBytes = externalLocations.reduce((sum, location) => sum + files!.open(location).byteLength, source.byteLength);
    return {
      bytes,
      data,
      report: (sourceHash, artefactHash, dataHash) => ({
        name,
        requestedFormat: resolved.format,
        format,
        source: { bytes: sourceBytes, sha256: sourceHash },
        artefact: {
          bytes: artefactBytes, sha256: artefactHash, ratio: artefactBytes / sourceBytes, minOnnxruntime,
          ...(split && { data: { location: split.location, bytes: split.stream.byteLength, sha256: dataHash } }),
        },
        ...known,
      }),
    };
  } catch (error) {
    throw error instanceof QuantizeError ? error.withModel(name) : error;
  }
}

/** A location is looked up beside the model, and readers refuse any that leads elsewhere. */
function assertFileName(location: string): void {
  if (/^[^\\/\0:]+$/.test(location) && location !== '.' && location !== '..') return;
  throw new QuantizeError('OPTION_INVALID', `"externalData" is ${JSON.stringify(location)}, which is not a file name without a folder.`, { option: 'externalData' });
}

/** Options of measuring, which is not done here, and of targets, which there are none of. */
const MEASURING: readonly string[] = ['preset', 'targets', 'calibration', 'calibrationMethod', 'sampleLimit', 'evaluate', 'latency', 'compressed', 'budget', 'onFail', 'verify'] satisfies Exclude<keyof ModelOptions, keyof QuantizeOptions>[];
const CORE_OPTIONS = Object.keys(MODEL_OPTIONS).filter((option) => !MEASURING.includes(option));

/** External data that is in memory already. */
export function filesOf(files: Record<string, Uint8Array> | undefined, model: string): ExternalFiles | undefined {
  if (files === undefined) return undefined;
  return {
    open(location) {
      const bytes = Object.hasOwn(files, location) ? files[location] : undefined;
      if (bytes !== undefined) return bytesSource(bytes, location);
      throw new QuantizeError('EXTERNAL_DATA_MISSING', `The model keeps weights in "${location}", which is not among the files given.`, {
        model,
        hint: `Give it as \`files: { ${JSON.stringify(location)}: bytes }\`.`,
      });
    },
  };
}
