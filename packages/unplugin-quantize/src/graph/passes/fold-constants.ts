import { clone } from '@bufbuild/protobuf';
import {
  dtypeOf, readPayload, sameDomain, tensorOf, TensorProtoSchema, tensorProto, type Model, type NodeProto, type TensorProto,
} from '../../onnx/index.ts';
import { intAttribute, intsAttribute } from '../attributes.ts';
import { becomesInitializer, constantOf, indexEdges, isHandedOut, resolve, type Edges } from '../edges.ts';
import { castTensor } from '../fold/cast-tensor.ts';
import { lazyTensor } from '../fold/lazy-tensor.ts';
import { flattenedDims, reshapedDims, squeezedDims, unsqueezedDims } from '../fold/shapes.ts';
import { keepsOrder, transposeTensor } from '../fold/transpose-tensor.ts';

/** What folding may repeat in the file: results up to this size are made even where others read the source too. */
const SMALL_BYTES = 1024;

/** No engine runs tensors of more dims; a file could name thousands to make the arithmetic of dims slow. */
const MAX_RANK = 64;

/**
 * Computes nodes whose inputs are initializers, of the same scope or of one around it, and makes their outputs initializers of their scope.
 *
 *     initializer w [3,4]    Transpose(w) -> wt, MatMul(x, wt) -> y    =>    initializer wt [4,3]    MatMul(x, wt) -> y
 *
 * - Cast among float32, float16 and float64 (not float64 to float16) and among integers of 8 to 64 bits;
 *   Transpose; Reshape, Squeeze, Unsqueeze, Flatten where shape and axes are constant too.
 * - Results that keep the order of elements share the data; others are computed when they are read, so no weight is loaded here.
 * - A source above 1 kB that anybody else reads is left alone, because folding would store it twice: tied weights stay tied.
 * - An output of the graph stays a node's output. Identity is the business of `dropIdentity`.
 *
 * @returns the number of nodes folded
 * @throws QuantizeError MODEL_INVALID, EXTERNAL_DATA_* when a shape or a small tensor cannot be read
 */
export function foldConstants(model: Model): number {
  const all = indexEdges(model);
  let folded = 0;
  for (const edges of all) {
    const { graph } = edges.scope;
    const kept = graph.node.filter((node) => {
      const result = foldNode(model, node, edges, all);
      if (result === undefined) return true;
      becomesInitializer(result, edges);
      return false;
    });
    folded += graph.node.length - kept.length;
    if (kept.length < graph.node.length) graph.node = kept;
  }
  return folded;
}

interface Folding {
  model: Model;
  node: NodeProto;
  source: TensorProto;
  /** The values of a constant int64 input; undefined where it is missing or computed. */
  longs(index: number): number[] | undefined;
}

const FOLDERS = new Map<string, (folding: Folding) => TensorProto | undefined>([
  ['Cast', foldCast],
  ['Transpose', foldTranspose],
  ['Reshape', ({ node, source, longs }) => {
    const shape = longs(1);
    return shape && reshaped(source, reshapedDims(dimsOf(source), shape, intAttribute(node, 'allowzero', 0) === 1));
  }],
  ['Squeeze', ({ node, source, longs }) => {
    const axes = intsAttribute(node, 'axes') ?? longs(1);
    const isComputed = axes === undefined && (node.input[1] ?? '') !== '';
    return isComputed ? undefined : reshaped(source, squeezedDims(dimsOf(source), axes));
  }],
  ['Unsqueeze', ({ node, source, longs }) => {
    const axes = intsAttribute(node, 'axes') ?? longs(1);
    return axes && reshaped(source, unsqueezedDims(dimsOf(source), axes));
  }],
  ['Flatten', ({ node, source }) => reshaped(source, flattenedDims(dimsOf(source), intAttribute(node, 'axis', 1)))],
]);

function foldNode(model: Model, node: NodeProto, edges: Edges, all: readonly Edges[]): TensorProto | undefined {
  const fold = sameDomain(node.domain, '') ? FOLDERS.get(node.opType) : undefined;
  const [input = ''] = node.input;
  const [output = ''] = node.output;
  if (fold === undefined || input === '' || output === '' || isHandedOut(output, edges)) return undefined;
  const source = constantOf(input, edges.scope, all);
  if (source === undefined || source.dims.length > MAX_RANK || (isLarge(model, source) && isShared(source.name, edges, all))) return undefined;
  const result = fold({ model, node, source, longs: (index) => longsOf(model, node.input[index] ?? '', edges, all) });
  if (result !== undefined) result.name = output;
  return result;
}

function isLarge(model: Model, source: TensorProto): boolean {
  return (lazyTensor(model, source)?.byteLength ?? Infinity) > SMALL_BYTES;
}

function isShared(name: string, edges: Edges, all: readonly Edges[]): boolean {
  const owner = resolve(name, edges.scope, all)!;
  return owner.uses(name).length > 1 || isHandedOut(name, owner);
}

function longsOf(model: Model, name: string, edges: Edges, all: readonly Edges[]): number[] | undefined {
  const proto = name === '' ? undefined : constantOf(name, edges.scope, all);
  if (proto === undefined || dtypeOf(proto.dataType) !== 'int64') return undefined;
  return Array.from(new BigInt64Array(readPayload(tensorOf(model, proto)).buffer), Number);
}

function foldCast({ model, node, source }: Folding): TensorProto | undefined {
  const tensor = lazyTensor(model, source);
  const dtype = dtypeOf(intAttribute(node, 'to', 0));
  const result = tensor && dtype && castTensor(tensor, dtype);
  if (result === undefined) return undefined;
  return result === tensor ? clone(TensorProtoSchema, source) : tensorProto(model, '', result);
}

function foldTranspose({ model, node, source }: Folding): TensorProto | undefined {
  const dims = dimsOf(source);
  const perm = intsAttribute(node, 'perm') ?? dims.map((_, axis) => dims.length - 1 - axis);
  const isPermutation = perm.length === dims.length && dims.every((_, axis) => perm.includes(axis));
  if (!isPermutation) return undefined;
  if (keepsOrder(dims, perm)) return reshaped(source, perm.map((axis) => dims[axis]!));
  const tensor = lazyTensor(model, source);
  const result = tensor && transposeTensor(tensor, perm);
  return result && tensorProto(model, '', result);
}

/** The same data with other dims. */
function reshaped(source: TensorProto, dims: readonly number[] | undefined): TensorProto | undefined {
  if (dims === undefined) return undefined;
  const result = clone(TensorProtoSchema, source);
  result.dims = dims.map(BigInt);
  return result;
}

function dimsOf(source: TensorProto): number[] {
  return source.dims.map(Number);
}
