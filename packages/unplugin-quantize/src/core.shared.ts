import { QuantizeError } from './errors.ts';
import { bytesSource, readModel as readLazily, readPayload, writeModel as writeLazily, type ByteSource, type ExternalFiles, type Model } from './onnx/index.ts';
import { checkKey, MODEL_OPTIONS, resolveModelOptions, type ModelOptions } from './options.ts';
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
}

export interface CoreOptions extends ReadOptions, Pick<ModelOptions, keyof QuantizeOptions> {}

/** What is known of an artefact that was not run: the build's report without checks, accuracy and budget. */
export interface CoreReport extends Omit<ModelReport, 'checks' | 'accuracy' | 'budget'> {
  /** Session options that the format needs. */
  sessionOptions: Record<string, unknown>;
}

export interface CoreResult {
  /** The artefact; external data is inside. */
  bytes: Uint8Array;
  report: CoreReport;
}

/**
 * The structure of a model. Data of large tensors stays where it is in `bytes`, which must not be changed meanwhile.
 *
 * @throws QuantizeError MODEL_EMPTY, MODEL_NOT_ONNX, MODEL_TRUNCATED, MODEL_INVALID, OPSET_UNSUPPORTED
 */
export function readModel(bytes: Uint8Array, { name = 'model', files }: ReadOptions = {}): Model {
  return readLazily(bytesSource(bytes, name), filesOf(files, name));
}

/** The bytes of a model: those that were read, where nothing was changed. */
export function writeModel(model: Model): Uint8Array {
  return readPayload(writeLazily(model));
}

/** An artefact whose hashes are still to be computed, in which Node and browsers differ. */
export interface Unhashed {
  bytes: Uint8Array;
  /** The report with the SHA-256 of source and artefact. */
  report(source: string, artefact: string): CoreReport;
}

/** Quantizes in memory, synchronously. */
export function quantizeBytes(source: ByteSource, files: ExternalFiles | undefined, given: CoreOptions): Unhashed {
  const { name = source.name, files: _, ...options } = given;
  for (const key of Object.keys(options)) checkKey(key, CORE_OPTIONS, 'option');
  const resolved = resolveModelOptions(options);
  try {
    const { stream, externalLocations, format, minOnnxruntime, ...known } = quantizeSource(source, files, resolved);
    const bytes = readPayload(stream);
    const sourceBytes = externalLocations.reduce((sum, location) => sum + files!.open(location).byteLength, source.byteLength);
    return {
      bytes,
      report: (sourceHash, artefactHash) => ({
        name,
        requestedFormat: resolved.format,
        format,
        source: { bytes: sourceBytes, sha256: sourceHash },
        artefact: { bytes: bytes.byteLength, sha256: artefactHash, ratio: bytes.byteLength / sourceBytes, minOnnxruntime },
        ...known,
      }),
    };
  } catch (error) {
    throw error instanceof QuantizeError ? error.withModel(name) : error;
  }
}

/** Options of measuring, which is not done here. */
const MEASURING: readonly string[] = ['calibration', 'sampleLimit', 'budget', 'verify'] satisfies Exclude<keyof ModelOptions, keyof QuantizeOptions>[];
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
