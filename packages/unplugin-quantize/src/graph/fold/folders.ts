import { clone } from '@bufbuild/protobuf';
import { dtypeOf, elementCount, TensorProtoSchema, tensorProto, type Model, type NodeProto, type Tensor, type TensorProto } from '../../onnx/index.ts';
import { intAttribute, intsAttribute } from '../attributes.ts';
import { castTensor } from './cast-tensor.ts';
import { concatTensors } from './concat-tensor.ts';
import { lazyTensor } from './lazy-tensor.ts';
import { selectTensor, slicePlaces } from './select-tensor.ts';
import { flattenedDims, reshapedDims, squeezedDims, unsqueezedDims } from './shapes.ts';
import { keepsOrder, transposeTensor } from './transpose-tensor.ts';

/** What is known of a node that may be folded. */
export interface Folding {
  readonly model: Model;
  readonly node: NodeProto;
  /** The constants that are read as data: the first input, or all of `Concat`. */
  readonly sources: readonly [TensorProto, ...TensorProto[]];
  /** The values of a constant input of integers; undefined where it is missing or computed. */
  longs(index: number): number[] | undefined;
  /** The dims of a constant input. */
  dims(index: number): number[] | undefined;
}

export interface Folder {
  /** The inputs that are read as data; the others are parameters. */
  readonly data: 'first' | 'all';
  /** Results for all outputs of the node, named by the caller; undefined where the node has to stay. */
  readonly fold: (folding: Folding) => TensorProto[] | undefined;
}

/** Operators of the standard's domain that can be folded: all of them move elements, but Cast, which rounds as engines do. */
export const FOLDERS: ReadonlyMap<string, Folder> = new Map(Object.entries({
  Cast: first(foldCast),
  Transpose: first(foldTranspose),
  Reshape: first(({ node, sources: [source], longs }) => {
    const shape = longs(1);
    return shape && reshaped(source, reshapedDims(dimsOf(source), shape, intAttribute(node, 'allowzero', 0) === 1));
  }),
  Squeeze: first(({ node, sources: [source], longs }) => {
    const axes = intsAttribute(node, 'axes') ?? longs(1);
    const isComputed = axes === undefined && (node.input[1] ?? '') !== '';
    return isComputed ? undefined : reshaped(source, squeezedDims(dimsOf(source), axes));
  }),
  Unsqueeze: first(({ node, sources: [source], longs }) => {
    const axes = intsAttribute(node, 'axes') ?? longs(1);
    return axes && reshaped(source, unsqueezedDims(dimsOf(source), axes));
  }),
  Flatten: first(({ node, sources: [source] }) => reshaped(source, flattenedDims(dimsOf(source), intAttribute(node, 'axis', 1)))),
  Slice: first(foldSlice),
  Gather: first(foldGather),
  Split: { data: 'first', fold: foldSplit },
  Concat: { data: 'all', fold: foldConcat },
}));

function first(fold: (folding: Folding) => TensorProto | undefined): Folder {
  return {
    data: 'first',
    fold: (folding) => {
      const result = fold(folding);
      return result && [result];
    },
  };
}

function foldCast({ model, node, sources: [source] }: Folding): TensorProto | undefined {
  const tensor = lazyTensor(model, source);
  const dtype = dtypeOf(intAttribute(node, 'to', 0));
  const result = tensor && dtype && castTensor(tensor, dtype);
  if (result === undefined) return undefined;
  return result === tensor ? clone(TensorProtoSchema, source) : tensorProto(model, '', result);
}

function foldTranspose({ model, node, sources: [source] }: Folding): TensorProto | undefined {
  const dims = dimsOf(source);
  const perm = intsAttribute(node, 'perm') ?? dims.map((_, axis) => dims.length - 1 - axis);
  const isPermutation = perm.length === dims.length && dims.every((_, axis) => perm.includes(axis));
  if (!isPermutation) return undefined;
  if (keepsOrder(dims, perm)) return reshaped(source, perm.map((axis) => dims[axis]!));
  const tensor = lazyTensor(model, source);
  return toProto(model, tensor && transposeTensor(tensor, perm));
}

/** Until opset 9 the lists are attributes; later they are inputs, with steps. */
function foldSlice({ model, node, sources: [source], longs }: Folding): TensorProto | undefined {
  const given = (index: number, name: string): number[] | undefined => intsAttribute(node, name) ?? longs(index);
  const [starts, ends] = [given(1, 'starts'), given(2, 'ends')];
  const isComputed = [3, 4].some((index) => (node.input[index] ?? '') !== '' && longs(index) === undefined);
  if (starts === undefined || ends?.length !== starts.length || isComputed) return undefined;
  const axes = given(3, 'axes') ?? starts.map((_, i) => i);
  const steps = longs(4) ?? starts.map(() => 1);
  if (axes.length !== starts.length || steps.length !== starts.length || steps.includes(0)) return undefined;
  const rank = source.dims.length;
  let result = lazyTensor(model, source);
  for (const [i, given] of axes.entries()) {
    const axis = given < 0 ? given + rank : given;
    const dim = result?.dims[axis];
    if (result === undefined || dim === undefined) return undefined;
    result = selectTensor(result, axis, slicePlaces(dim, starts[i]!, ends[i]!, steps[i]!));
  }
  return toProto(model, result);
}

function foldGather({ model, node, sources: [source], longs, dims }: Folding): TensorProto | undefined {
  const rank = source.dims.length;
  const asked = intAttribute(node, 'axis', 0);
  const axis = asked < 0 ? asked + rank : asked;
  const tensor = lazyTensor(model, source);
  const [indices, shape] = [longs(1), dims(1)];
  const dim = tensor?.dims[axis];
  if (tensor === undefined || dim === undefined || indices === undefined || shape === undefined) return undefined;
  const places = indices.map((index) => (index < 0 ? index + dim : index));
  if (places.some((place) => place < 0 || place >= dim)) return undefined;
  const result = selectTensor(tensor, axis, places);
  return toProto(model, result && { ...result, dims: [...tensor.dims.slice(0, axis), ...shape, ...tensor.dims.slice(axis + 1)] });
}

/** Without lengths the parts are equal, the last one shorter where the axis does not divide (Split, opset 18). */
function foldSplit({ model, node, sources: [source], longs }: Folding): TensorProto[] | undefined {
  const asked = intAttribute(node, 'axis', 0);
  const axis = asked < 0 ? asked + source.dims.length : asked;
  const tensor = lazyTensor(model, source);
  const dim = tensor?.dims[axis];
  if (tensor === undefined || dim === undefined) return undefined;
  const isComputed = (node.input[1] ?? '') !== '' && longs(1) === undefined;
  const count = node.output.length;
  const size = Math.ceil(dim / count);
  const lengths = intsAttribute(node, 'split') ?? longs(1) ?? node.output.map((_, i) => Math.min(size, dim - i * size));
  if (isComputed || lengths.length !== count || lengths.some((length) => length < 0) || lengths.reduce((a, b) => a + b, 0) !== dim) return undefined;
  let start = 0;
  const parts: TensorProto[] = [];
  for (const length of lengths) {
    const part = toProto(model, selectTensor(tensor, axis, { start, step: 1, length }));
    if (part === undefined) return undefined;
    parts.push(part);
    start += length;
  }
  return parts;
}

function foldConcat({ model, node, sources }: Folding): TensorProto[] | undefined {
  const asked = intAttribute(node, 'axis', 1);
  const axis = asked < 0 ? asked + sources[0].dims.length : asked;
  const tensors = sources.map((source) => lazyTensor(model, source));
  if (axis < 0 || tensors.includes(undefined)) return undefined;
  const result = toProto(model, concatTensors(tensors as Tensor[], axis));
  return result && [result];
}

function toProto(model: Model, tensor: Tensor | undefined): TensorProto | undefined {
  return tensor && tensorProto(model, '', tensor);
}

/** The same data with other dims. */
function reshaped(source: TensorProto, dims: readonly number[] | undefined): TensorProto | undefined {
  if (dims === undefined || elementCount(dims) !== elementCount(dimsOf(source))) return undefined;
  const result = clone(TensorProtoSchema, source);
  result.dims = dims.map(BigInt);
  return result;
}

function dimsOf(source: TensorProto): number[] {
  return source.dims.map(Number);
}
