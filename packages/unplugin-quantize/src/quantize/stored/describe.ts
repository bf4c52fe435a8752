import { scopesOf } from '../../graph/index.ts';
import { elementCount, float16ToFloat32, readModel, readPayload, tensorOf, type ByteSource, type DType, type ExternalFiles, type Model, type TensorProto } from '../../onnx/index.ts';
import type { ModelDetails, WeightError } from '../../types.ts';
import type { Context } from '../context.ts';
import { float32Chunks } from '../float-chunks.ts';
import { worstActivations } from './activations.ts';
import { decoderOf, type Decoder, type Parts } from './decode.ts';
import { errorMeter, type WeightDistance } from './error-meter.ts';
import type { StoredWeight } from './form.ts';
import { BINS, countInto } from './histogram.ts';

/** Weights that get a histogram. */
const WORST = 8;
/** A histogram of fewer elements says nothing. */
const FEWEST = 256;
const MOST_NODES = 3;

/** An artefact's file and what quantizing it again, up to the weights, tells of it. */
export interface Described {
  context: Context;
  artefact: ByteSource;
  /** External data of the artefact. */
  files?: ExternalFiles | undefined;
}

/**
 * Measures what each weight lost, by reading the artefact beside the source: both pass by in pieces, of the artefact one weight is in
 * memory at a time. Nothing is quantized again.
 */
export function describeWeights({ context, artefact, files }: Described): ModelDetails {
  const find = placesOf(context.model, readModel(artefact, files));
  const measured = [...context.stored].map(([proto, weight]) => {
    const tensor = context.decisions.get(proto)!.tensor;
    return { tensor, weight, distance: measure(weight, decoder(weight, find)) };
  });
  const plotted = measured.filter(({ weight, distance }) => distance.sqnr !== null && elementCount(weight.original.dims) >= FEWEST);
  const ranked = plotted.toSorted((a, b) => a.distance.sqnr! - b.distance.sqnr! || (a.tensor < b.tensor ? -1 : 1));
  const worst = new Set(ranked.slice(0, WORST));
  const weights = measured.map((entry): WeightError => {
    const { tensor, weight, distance } = entry;
    const { sqnr, maxError } = distance;
    const nodes = [...new Set(weight.nodes)].slice(0, MOST_NODES);
    return { tensor, nodes, sqnr, maxError, ...(worst.has(entry) && { histogram: histogramOf(weight, decoder(weight, find), distance) }) };
  });
  return { weights, activations: worstActivations(context.statistics) };
}

type FindTensor = (proto: TensorProto) => { dtype: DType; bytes: Uint8Array<ArrayBuffer> };

/** Initializers of the model in memory and of the artefact's file stand at the same places; their names do not matter. */
function placesOf(model: Model, artefact: Model): FindTensor {
  const all = (of: Model): TensorProto[] => scopesOf(of).flatMap(({ graph }) => graph.initializer);
  const read = all(artefact);
  const places = new Map(all(model).map((proto, at) => [proto, read[at]]));
  return (proto) => {
    const tensor = tensorOf(artefact, places.get(proto)!);
    return { dtype: tensor.dtype, bytes: readPayload(tensor) as Uint8Array<ArrayBuffer> };
  };
}

function decoder({ order, values, scales, zeroPoints, original }: StoredWeight, find: FindTensor): Decoder {
  const parts: Parts = { values: find(values), scales: scales === undefined ? new Float32Array() : floatsOf(find(scales)), zeroPoints: zeroPoints && find(zeroPoints) };
  return decoderOf(order, parts, original.dims);
}

function floatsOf({ dtype, bytes }: ReturnType<FindTensor>): Float32Array {
  if (dtype === 'float32') return new Float32Array(bytes.buffer);
  const floats = new Float32Array(bytes.byteLength / 2);
  float16ToFloat32(new Uint16Array(bytes.buffer), floats);
  return floats;
}

function measure(weight: StoredWeight, decode: Decoder): WeightDistance {
  const meter = errorMeter();
  for (const { before, after } of pairs(weight, decode)) meter.add(before, after);
  return meter.result();
}

function histogramOf(weight: StoredWeight, decode: Decoder, { min: from, max: to }: WeightDistance): NonNullable<WeightError['histogram']> {
  const [counts, stored] = [Array<number>(BINS).fill(0), Array<number>(BINS).fill(0)];
  for (const { before, after } of pairs(weight, decode)) {
    countInto(counts, before, from, to);
    countInto(stored, after, from, to);
  }
  return { from, to, counts, stored };
}

/** Pieces before and after; each is valid until the next one is taken. */
function* pairs({ original }: StoredWeight, decode: Decoder): Generator<{ before: Float32Array; after: Float32Array }> {
  let room = new Float32Array(0);
  for (const before of float32Chunks(original)) {
    if (room.length < before.length) room = new Float32Array(before.length);
    const after = room.subarray(0, before.length);
    decode(after);
    yield { before, after };
  }
}
