import { create, dtypeOf, readPayload, sameDomain, tensorOf, TensorProtoSchema, type Model, type NodeProto, type Payload, type TensorProto } from '../../onnx/index.ts';
import { FOLDERS, type Folder } from './folders.ts';
import { lazyTensor } from './lazy-tensor.ts';

/** Tensors up to this size are computed at once, and may be stored twice. */
export const SMALL_BYTES = 1024;
/** No engine runs tensors of more dims; a file could name thousands to make the arithmetic of dims slow. */
const MAX_RANK = 64;
/** How often reading a folded tensor may read originals. Split and Concat in turns would double it with each pair. */
const MAX_READS = 64;
/** How many folds may be read through each other; chains of thousands would overflow the call stack. */
const MAX_DEPTH = 64;

/** What it takes to read a payload: how often originals are read, and through how many folds. */
interface Effort {
  readonly reads: number;
  readonly depth: number;
}

const ORIGINAL: Effort = { reads: 1, depth: 0 };
const efforts = new WeakMap<Payload, Effort>();

/**
 * The constants that a node computes, one for each output, unnamed and lazy where anything is large.
 *
 * @param constant the tensor that a name stands for, where it is constant
 * @returns undefined where an input is not constant, the operator is not one of `FOLDERS`, or the model asks for what cannot be
 * @throws QuantizeError MODEL_INVALID, EXTERNAL_DATA_* when a small tensor cannot be read
 */
export function tryFold(model: Model, node: NodeProto, constant: (name: string) => TensorProto | undefined): { sources: TensorProto[]; results: TensorProto[] } | undefined {
  const folder = folderOf(node);
  if (folder === undefined || node.input.length === 0) return undefined;
  const sources = (folder.data === 'all' ? node.input : node.input.slice(0, 1)).map((name) => (name === '' ? undefined : constant(name)));
  if (sources.some((source) => source === undefined || source.dims.length > MAX_RANK)) return undefined;
  const known = sources as [TensorProto, ...TensorProto[]];
  const effort = known.map((source) => efforts.get(model.payloads[source.payload]!) ?? ORIGINAL)
    .reduce((sum, { reads, depth }) => ({ reads: sum.reads + reads, depth: Math.max(sum.depth, depth + 1) }), { reads: 0, depth: 0 });
  if (effort.reads > MAX_READS || effort.depth > MAX_DEPTH) return undefined;
  const parameter = (index: number): TensorProto | undefined => {
    const name = node.input[index] ?? '';
    return name === '' ? undefined : constant(name);
  };
  const results = folder.fold({
    model, node, sources: known,
    longs: (index) => integers(model, parameter(index)),
    dims: (index) => parameter(index)?.dims.map(Number),
  });
  if (results === undefined) return undefined;
  return { sources: known, results: results.map((result) => settle(model, known, result, effort)) };
}

/** How a node is folded, if its operator can be. */
export function folderOf({ domain, opType }: NodeProto): Folder | undefined {
  return sameDomain(domain, '') ? FOLDERS.get(opType) : undefined;
}

/** Bytes of a constant in raw form; infinite for types that are not handled. */
export function constantBytes(model: Model, proto: TensorProto): number {
  return lazyTensor(model, proto)?.byteLength ?? Infinity;
}

function settle(model: Model, sources: readonly TensorProto[], result: TensorProto, effort: Effort): TensorProto {
  if ([...sources, result].every((proto) => constantBytes(model, proto) <= SMALL_BYTES)) {
    return create(TensorProtoSchema, { dataType: result.dataType, dims: result.dims, rawData: readPayload(tensorOf(model, result)) });
  }
  const payload = Object.hasOwn(result, 'payload') ? model.payloads[result.payload] : undefined;
  // A result that only has other dims shares the payload of its source.
  if (payload !== undefined && !sources.some((source) => model.payloads[source.payload] === payload)) efforts.set(payload, effort);
  return result;
}

function integers(model: Model, proto: TensorProto | undefined): number[] | undefined {
  const dtype = proto && dtypeOf(proto.dataType);
  if (proto === undefined || (dtype !== 'int64' && dtype !== 'int32')) return undefined;
  const { buffer } = readPayload(tensorOf(model, proto));
  return Array.from(dtype === 'int64' ? new BigInt64Array(buffer) : new Int32Array(buffer), Number);
}
