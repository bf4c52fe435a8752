import { QuantizeError } from '../errors.ts';
import { scopesOf } from '../graph/index.ts';
import { readModel, type ByteSource, type ExternalFiles, type Model } from '../onnx/index.ts';
import { FORMATS, MODEL_DEFAULTS } from '../options.ts';
import { quantizeSource } from '../quantize/index.ts';
import { inputSignatures, outputSignatures } from '../quantize/signature.ts';
import type { Format, ValueSignature } from '../types.ts';
import type { InspectedSetting } from './inspect-settings.ts';
import { listWeights, WEIGHT_PLACES, type Weight, type WeightPlace } from './list-weights.ts';

export interface Inspection {
  name: string;
  /** Size of the model's file, without external data. */
  bytes: number;
  irVersion: number;
  /** Version of each operator domain; the standard's own is 'ai.onnx'. */
  opsets: Record<string, number>;
  producer: string;
  inputs: ValueSignature[];
  outputs: ValueSignature[];
  /** Nodes of the main graph, of subgraphs and of local functions. */
  nodes: number;
  /** How often each operator occurs, most frequent first; with its domain unless it is the standard's. */
  operators: Record<string, number>;
  /** Where the weights are: each tensor counts once. */
  weights: Record<WeightPlace, { tensors: number; bytes: number }>;
  /** The ten largest tensors. */
  largest: Weight[];
  /** What each format would reach with default options. */
  formats: FormatForecast[];
  /** What quantizing it will use, where a file beside the model says something. */
  settings?: InspectedSetting[];
}

export interface FormatForecast {
  format: Format;
  /** Null where the format cannot be made. */
  bytes: number | null;
  /** The format that would be used, or why there is none. */
  note: string;
}

const LARGEST = 10;

/**
 * What a model consists of. No weight is read: sizes follow from shapes.
 *
 * @throws QuantizeError MODEL_*, OPSET_UNSUPPORTED
 */
export function inspectModel(source: ByteSource, files: ExternalFiles | undefined): Inspection {
  const model = readModel(source, files);
  const { proto } = model;
  const graph = proto.graph!;
  const weights = listWeights(model);
  const opTypes = nodesOf(model).map(({ opType, domain }) => (domain === '' || domain === 'ai.onnx' ? opType : `${domain}.${opType}`));
  return {
    name: source.name,
    bytes: source.byteLength,
    irVersion: Number(proto.irVersion),
    opsets: Object.fromEntries(proto.opsetImport.map(({ domain, version }) => [domain || 'ai.onnx', Number(version)])),
    producer: [proto.producerName, proto.producerVersion].filter((part) => part !== '').join(' '),
    inputs: inputSignatures(graph),
    outputs: outputSignatures(graph),
    nodes: opTypes.length,
    operators: countOf(opTypes),
    weights: Object.fromEntries(WEIGHT_PLACES.map((place) => [place, totals(weights.filter((weight) => weight.place === place))])) as Inspection['weights'],
    largest: weights.toSorted((a, b) => b.bytes - a.bytes).slice(0, LARGEST),
    formats: (Object.keys(FORMATS) as Format[]).map((format) => forecast(format, source, files)),
  };
}

function nodesOf(model: Model): { opType: string; domain: string }[] {
  return [...scopesOf(model).flatMap(({ graph }) => graph.node), ...model.proto.functions.flatMap(({ node }) => node)];
}

function countOf(names: readonly string[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return Object.fromEntries([...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)));
}

function totals(weights: readonly Weight[]): { tensors: number; bytes: number } {
  return { tensors: weights.length, bytes: weights.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** The size is known before a weight is computed, so it costs no more than reading the graph. */
function forecast(format: Format, source: ByteSource, files: ExternalFiles | undefined): FormatForecast {
  try {
    const { stream, format: used } = quantizeSource(source, files, { ...MODEL_DEFAULTS, format });
    return { format, bytes: stream.byteLength, note: used === format ? '' : `left as it is: ${format} would be larger` };
  } catch (error) {
    if (!(error instanceof QuantizeError)) throw error;
    return { format, bytes: null, note: `${error.what} [${error.code}]` };
  }
}
