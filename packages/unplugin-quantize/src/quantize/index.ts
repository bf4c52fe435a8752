import { QuantizeError } from '../errors.ts';
import { assertSound } from '../graph/passes/assert-sound.ts';
import { dropDeadNodes } from '../graph/passes/drop-dead-nodes.ts';
import { dropUnusedInitializers } from '../graph/passes/drop-unused-initializers.ts';
import { minifyNames } from '../graph/passes/minify-names.ts';
import { prepareGraph } from '../graph/passes/run-passes.ts';
import { sortNodes } from '../graph/passes/sort-nodes.ts';
import { inlineRefusals, tensorsOf } from '../graph/index.ts';
import { externalLocations, rangePayload, readModel, writeModel, type ByteSource, type ExternalFiles, type Model, type Payload } from '../onnx/index.ts';
import type { Format, IntegerShare, ModelDetails, ValueSignature, WeightDecision } from '../types.ts';
import { createContext, decide, undecidedWeights, type Context, type QuantizeOptions } from './context.ts';
import { computeInIntegers } from './dynamic.ts';
import { computeInHalves } from './float16-graph.ts';
import { inlineExternalData } from './inline-external.ts';
import { computeLstmsInIntegers } from './lstm.ts';
import { minOnnxruntime } from './min-version.ts';
import { alreadyQuantized, quantizedPart, takeOverTrained } from './qat/index.ts';
import { smoothInputs } from './repair/smooth.ts';
import { inputSignatures, outputSignatures } from './signature.ts';
import { splitModel, type WrittenModel } from './split-model.ts';
import { describeWeights } from './stored/describe.ts';
import { computeStatically, chooseForInt8, prepareStatic } from './static/index.ts';
import type { Observed } from './static/statistics.ts';
import { storeHalves, storeSmall } from './storage.ts';
import { storeFourBits } from './storage4.ts';
import { unmatchedNames } from './unmatched-names.ts';
import { keepPacked } from './weight-only.ts';

export type { QuantizeOptions } from './context.ts';
export type { ExternalData } from './split-model.ts';
export { alreadyQuantized, quantizedPart } from './qat/index.ts';
export { PresumptionFailed } from './half.ts';
export { observeSource, hessianSums, type HessianSource, type HessianSums, type Observation } from './gptq/index.ts';
export { modelKind, type ModelKind } from './model-kind.ts';
export { inputSignatures } from './signature.ts';
export { gainsFromSamples } from './static/gains.ts';
export { observeActivations } from './static/observe.ts';
export type { Observed, Statistics, Tap, TensorStatistics } from './static/statistics.ts';

/** A quantized model that has not been computed yet. */
export interface QuantizedSource extends WrittenModel {
  /** The artefact: its size is known, its weights are computed while it is read. External data is inside unless `data` is there. */
  stream: Payload;
  /** The format used: `none` when quantizing would have made the file larger. */
  format: Format;
  weights: WeightDecision[];
  notes: string[];
  /** For fixed scales of activations: how much of the work integer kernels do. */
  integerShare?: IntegerShare;
  minOnnxruntime: string;
  inputs: ValueSignature[];
  outputs: ValueSignature[];
  /** Session options that the format needs. */
  sessionOptions: Record<string, unknown>;
  /** Files that the model refers to, relative to its folder. */
  externalLocations: string[];
}

/** What each format does to the graph, in order. */
const SCHEMES: Record<Format, readonly ((context: Context) => void)[]> = {
  'int8': [computeLstmsInIntegers, computeInIntegers, (context) => storeSmall(context, 'int8')],
  'int8-dynamic': [computeLstmsInIntegers, computeInIntegers, storeHalves],
  'int8-static': [(context) => computeStatically(context.options.smooth ? { ...context, ...smoothInputs(context) } : context), (context) => storeSmall(context, 'int8')],
  'int8-storage': [(context) => storeSmall(context, 'int8')],
  'fp16-storage': [(context) => storeSmall(context, 'float16')],
  'int4': [(context) => keepPacked(context, 4), (context) => storeSmall(context, 'int8')],
  'int4-fp16': [(context) => keepPacked(context, 4), computeInHalves, storeHalves, ({ model }) => void dropDeadNodes(model)],
  'int8-weight': [(context) => keepPacked(context, 8), (context) => storeSmall(context, 'int8')],
  'int4-storage': [storeFourBits, (context) => storeSmall(context, 'int8')],
  'fp16': [computeInHalves, storeHalves],
  'none': [],
};

/**
 * Reads a model and prepares its artefact. Weights pass through when the stream is taken; before that, half-precision formats only look at
 * their ranges.
 *
 * @param observed what samples told: of the inputs of products (`observeSource`), whose weights block formats then quantize with GPTQ; of
 *   activations (`observeActivations`), for static quantization
 * @param dataLocation name of a file beside the artefact that its large initializers go to, as artefacts of 2 GiB and more need
 * @param presumes whether large weights are presumed to be in the range of half precision, so that they are read once and not twice; the
 *   stream throws a PresumptionFailed where they are not
 * @throws QuantizeError when the model cannot be read (see readModel, assertSound); MODEL_TOO_LARGE when the artefact would not fit into one file
 */
export function quantizeSource(
  source: ByteSource, files: ExternalFiles | undefined, options: QuantizeOptions, observed: Observed = {}, dataLocation?: string, presumes = false,
): QuantizedSource {
  const model = readModel(source, files);
  sortNodes(model);
  assertSound(model);
  const graph = model.proto.graph!;
  const about = {
    inputs: inputSignatures(graph),
    outputs: outputSignatures(graph),
    externalLocations: externalLocations(tensorsOf(model)),
    sessionOptions: {},
  };
  const untouched = about.externalLocations.length === 0 ? wholeFile(source) : writeModel(inlineExternalData(model));
  const asItIs = (unchanged: Model): WrittenModel & { format: Format; minOnnxruntime: string } =>
    ({ ...finished(unchanged, untouched, 'none', dataLocation), format: 'none', minOnnxruntime: minOnnxruntime(unchanged) });
  const refusal = alreadyQuantized(quantizedPart(model));
  if (options.format === 'none' || refusal !== undefined) return { ...about, ...asItIs(model), weights: [], notes: refusal === undefined ? [] : [refusal] };

  const { context, stream } = quantizeModel(model, options, observed, presumes);
  const weights = [...context.decisions.values()];
  if (stream.byteLength < untouched.byteLength) {
    if (weights.every(({ scheme }) => scheme === 'kept')) context.notes.push(`As ${options.format} no weight of the model changes: the file is only tidied up.`);
    return { ...about, ...finished(model, stream, options.format, dataLocation), format: options.format, weights, notes: context.notes, minOnnxruntime: minOnnxruntime(model), ...context.told };
  }
  const larger = `As ${options.format} the model would have ${stream.byteLength} bytes in place of ${untouched.byteLength}: it is left as it is.`;
  const kept = weights.map((weight) => ({ ...weight, scheme: 'kept', bytesAfter: weight.bytesBefore, reason: weight.reason ?? 'the model would grow' }));
  return { ...about, ...asItIs(readModel(source, files)), weights: kept, notes: [...context.notes, larger] };
}

/** An artefact and all that it was made of. */
export interface DescribedArtefact {
  source: ByteSource;
  files: ExternalFiles | undefined;
  options: QuantizeOptions;
  observed: Observed;
  artefact: { source: ByteSource; files?: ExternalFiles };
}

/**
 * What each weight lost on its way into an artefact. The graph is quantized again, which is quick; the weights are read from both files.
 *
 * @param described an artefact that `quantizeSource` made of these, in a format other than `none`
 * @throws QuantizeError as quantizeSource does
 */
export function describeSource({ source, files, options, observed, artefact }: DescribedArtefact): ModelDetails {
  const model = readModel(source, files);
  sortNodes(model);
  const { context } = quantizeModel(model, options, observed);
  return describeWeights({ context, artefact: artefact.source, files: artefact.files });
}

/** Edits the model in place. */
function quantizeModel(model: Model, options: QuantizeOptions, observed: Observed, presumes = false): { context: Context; stream: Payload } {
  const unmatched = unmatchedNames(model, options);
  inlineExternalData(model);
  const refusal = isObserved(options, observed) ? prepareStatic(model, options) : void prepareGraph(model);
  const context = createContext(model, options, observed, presumes);
  context.notes.push(...inlineRefusals(model).values(), ...unmatched(model));
  if (quantizedPart(model).operators.length > 0) takeOverTrained(context);
  const { format, options: applied } = chosen(context, observed, refusal);
  for (const scheme of SCHEMES[format]) scheme({ ...context, options: applied });
  for (const weight of undecidedWeights(context)) {
    const reason = context.exclusions.get(weight.proto) ?? 'not read by an operator that the format changes';
    decide(context, weight, 'kept', weight.tensor.byteLength, reason);
  }
  dropUnusedInitializers(model);
  if (!options.keepNames) minifyNames(model);
  return { context, stream: writeModel(model) };
}

/**
 * True where samples told of activations and the format makes use of it.
 *
 * @throws QuantizeError SAMPLES_NOT_FOUND for a format that needs them
 */
function isObserved({ format }: QuantizeOptions, { statistics }: Observed): boolean {
  if (statistics !== undefined || format !== 'int8-static') return statistics !== undefined && (format === 'int8-static' || format === 'int8');
  throw new QuantizeError('SAMPLES_NOT_FOUND', 'int8-static fixes the scales of activations by samples, and there are none.', {
    option: 'calibration',
    hint: 'Give samples as `calibration`, or use int8-dynamic, which measures every input while the model runs.',
  });
}

/** The schemes of a format, and the options that they are applied with: `int8` chooses both where activations were observed. */
function chosen(context: Context, observed: Observed, refusal: string | undefined): { format: Format; options: QuantizeOptions } {
  const { options, notes } = context;
  if (refusal !== undefined) {
    notes.push(`No fixed scales: ${refusal}.`);
    return { format: 'int8', options };
  }
  if (options.format !== 'int8' || !isObserved(options, observed)) return { format: options.format, options };
  const choice = chooseForInt8(context);
  if (choice.note !== undefined) notes.push(choice.note);
  return { format: choice.isStatic ? 'int8-static' : 'int8', options: choice.options };
}

/** Protobuf, and with it every engine, reads no larger message. */
const LARGEST_FILE = 2 ** 31 - 1;

/** The model in the files that were asked for; `whole` is its form in one file. */
function finished(model: Model, whole: Payload, format: Format, dataLocation: string | undefined): WrittenModel {
  if (dataLocation !== undefined) return splitModel(inlineExternalData(model), dataLocation);
  if (whole.byteLength <= LARGEST_FILE) return { stream: whole };
  throw new QuantizeError('MODEL_TOO_LARGE', `As ${format} the model would have ${whole.byteLength} bytes in one file; engines read ${LARGEST_FILE} at most.`, {
    model: model.name,
    hint: 'Choose a format with fewer bits, such as int8 or int4. Outside of browsers the weights can be in a second file: --external-data on the command line, `externalData` of the core.',
  });
}

function wholeFile(source: ByteSource): Payload {
  return rangePayload(source, 0, source.byteLength);
}
