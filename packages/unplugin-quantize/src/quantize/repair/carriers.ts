import { findAttribute, intAttribute, intsAttribute, isOperator, stringAttribute } from '../../graph/index.ts';
import type { NodeProto } from '../../onnx/index.ts';
import type { ChannelSets } from './channel-sets.ts';

/** What is known of the channels of an activation. */
export interface Channels {
  /** A number for each channel (ChannelSets). */
  readonly ids: Int32Array;
  /** Axes behind the channels. */
  readonly trailing: number;
  /** All axes behind the channels have length 1. */
  readonly pooled: boolean;
  /** The axes behind the channels, of unknown lengths, were merged into them: each channel is a run of elements. */
  readonly merged: boolean;
}

/** A node as the table below sees it. */
export interface Carried {
  readonly node: NodeProto;
  readonly inputs: readonly (Channels | undefined)[];
  readonly sets: ChannelSets;
  isConstant(index: number): boolean;
  /** Dims of a constant input. */
  dims(index: number): readonly number[] | undefined;
  /** The numbers of a small constant input. */
  numbers(index: number): readonly number[] | undefined;
  /** True where a constant input has one number, or one for each channel of `like`; it is scaled with them then. */
  scaleAddend(index: number, like: Channels): boolean;
}

/** The channels of the outputs, or undefined where scaled channels do not simply come out scaled. */
type Carrier = (carried: Carried) => readonly (Channels | undefined)[] | undefined;

const same: Carrier = ({ inputs: [x] }) => x && [x];

/** The second output would be indices or a mask. */
const firstOnly: Carrier = ({ node, inputs: [x] }) => (x === undefined || node.output.slice(1).some((name) => name !== '') ? undefined : [x]);

const spatial: Carrier = (carried) => (isSpatial(carried.inputs[0]) ? firstOnly(carried) : undefined);

const globalPool: Carrier = ({ inputs: [x] }) => (isSpatial(x) ? [{ ...x!, pooled: true }] : undefined);

function isSpatial(x: Channels | undefined): boolean {
  return x !== undefined && x.trailing > 0 && !x.merged;
}

/** Add, Sub, Sum, Max, Min: f(t a, t b) = t f(a, b) for t > 0. Constants of Add and Sub are scaled too. */
const joined: Carrier = ({ node, inputs, sets, isConstant, scaleAddend }) => {
  const known = inputs.filter((input) => input !== undefined);
  const [first] = known;
  if (first === undefined || known.some((one) => !isAlike(one, first)) || (first.merged && inputs.length > 1)) return undefined;
  const others = inputs.flatMap((input, index) => (input === undefined ? [index] : []));
  if (others.length > 0 && !(isOperator(node, 'Add', 'Sub') && others.every((index) => isConstant(index) && scaleAddend(index, first)))) return undefined;
  for (const other of known) sets.join(first.ids, other.ids);
  return [{ ...first, pooled: known.every(({ pooled }) => pooled) }];
};

function isAlike(a: Channels, b: Channels): boolean {
  return a.ids.length === b.ids.length && a.trailing === b.trailing && a.merged === b.merged;
}

/** A product with what is not scaled, a constant or a gate: t a x b = t (a x b). */
const gated: Carrier = ({ node, inputs: [a, b], dims }) => {
  const x = a ?? b;
  if (x === undefined || (a !== undefined && b !== undefined) || x.merged) return undefined;
  if (node.opType === 'Div' && a === undefined) return undefined;
  const other = dims(a === undefined ? 0 : 1);
  const along = other?.at(other.length - 1 - x.trailing);
  // Of what is computed only this is known: it cannot have more channels unless there is one.
  const fits = other === undefined ? x.ids.length > 1 : other.length <= x.trailing || along === 1 || along === x.ids.length;
  return fits ? [{ ...x, pooled: x.pooled && other !== undefined && other.slice(other.length - x.trailing).every((dim) => dim === 1) }] : undefined;
};

/** Slopes stay as they are, whatever their shape, while the result has the shape of the first input, as the standard wants. */
const slopes: Carrier = ({ inputs: [x, slope] }) => (x === undefined || slope !== undefined ? undefined : [x]);

const flatten: Carrier = ({ node, inputs: [x] }) => {
  if (x === undefined || x.merged || intAttribute(node, 'axis', 1) !== 1) return undefined;
  return [{ ids: x.ids, trailing: 0, pooled: true, merged: !x.pooled }];
};

/** [0, -1] is Flatten; after a pooling so is every shape that has the channels last. */
const reshape: Carrier = ({ node, inputs: [x, shape], numbers }) => {
  const target = shape === undefined ? numbers(1) : undefined;
  if (x === undefined || x.merged || target?.length !== 2 || intAttribute(node, 'allowzero', 0) !== 0) return undefined;
  const [rows, columns] = target as [number, number];
  const isFlatten = x.trailing > 0 && rows === 0 && columns === -1;
  const isPooled = x.pooled && x.trailing > 0 && (columns === x.ids.length || isFlatten);
  return isPooled || isFlatten ? [{ ids: x.ids, trailing: 0, pooled: true, merged: !x.pooled }] : undefined;
};

const squeeze: Carrier = ({ node, inputs: [x], numbers, isConstant }) => {
  if (x === undefined || x.merged || x.trailing === 0) return undefined;
  const axes = intsAttribute(node, 'axes') ?? (isConstant(1) ? numbers(1) : undefined);
  const gone = axes && spatialAxes(axes, x);
  return gone && [{ ...x, trailing: x.trailing - gone.size }];
};

const reduce: Carrier = ({ node, inputs: [x], numbers, isConstant }) => {
  if (x === undefined || x.merged || x.trailing === 0) return undefined;
  const axes = intsAttribute(node, 'axes') ?? (isConstant(1) ? numbers(1) : undefined);
  const gone = axes && spatialAxes(axes, x);
  if (gone === undefined || gone.size === 0) return undefined;
  const pooled = x.pooled || gone.size === x.trailing;
  return [{ ...x, pooled, trailing: intAttribute(node, 'keepdims', 1) === 1 ? x.trailing : x.trailing - gone.size }];
};

/** Axes that all lie behind the channels of an image, [N, C, ...]. */
function spatialAxes(axes: readonly number[], { trailing }: Channels): Set<number> | undefined {
  const rank = trailing + 2;
  const found = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
  return [...found].every((axis) => axis >= 2 && axis < rank) ? found : undefined;
}

/** Zeros around an image are zeros at any scale; borders that repeat the image scale with it. */
const pad: Carrier = ({ node, inputs: [x], numbers, isConstant }) => {
  const pads = intsAttribute(node, 'pads') ?? (isConstant(1) ? numbers(1) : undefined);
  if (x === undefined || !isSpatial(x) || pads?.length !== 2 * (x.trailing + 2) || (node.input[3] ?? '') !== '') return undefined;
  if ([0, 1, x.trailing + 2, x.trailing + 3].some((at) => pads[at] !== 0)) return undefined;
  const value = (node.input[2] ?? '') === '' ? (findAttribute(node, 'value')?.f ?? 0) : numbers(2)?.[0];
  return stringAttribute(node, 'mode', 'constant') !== 'constant' || value === 0 ? [{ ...x, pooled: false }] : undefined;
};

/** Interpolation is linear in the image. */
const resize: Carrier = ({ node, inputs: [x], numbers }) => {
  if (x === undefined || !isSpatial(x) || stringAttribute(node, 'coordinate_transformation_mode', '') === 'tf_crop_and_resize' || findAttribute(node, 'axes') !== undefined) return undefined;
  const [scales, sizes] = isOperator(node, 'Upsample') || node.input.length === 2 ? [numbers(1), undefined] : [numbers(2), numbers(3)];
  const keeps = scales !== undefined && scales.length > 0 ? scales[0] === 1 && scales[1] === 1 : sizes?.[1] === x.ids.length;
  return keeps ? [{ ...x, pooled: false }] : undefined;
};

const concat: Carrier = ({ node, inputs }) => {
  const [first] = inputs;
  if (first === undefined || first.merged || inputs.some((one) => one === undefined || one.trailing !== first.trailing || one.merged)) return undefined;
  // Without images the rank is not known, so that only an axis counted from the end is sure.
  const axis = intAttribute(node, 'axis', 1);
  const isChannels = axis === -1 - first.trailing || (first.trailing > 0 && axis === 1);
  if (!isChannels) return undefined;
  const all = inputs as readonly Channels[];
  return [{ ...first, ids: Int32Array.from(all.flatMap(({ ids }) => [...ids])), pooled: all.every(({ pooled }) => pooled) }];
};

/** Operators of the standard's domain that hand on channels: scaled by t > 0 at the input, they come out scaled by t. */
const CARRIERS: Record<string, Carrier> = {
  Relu: same, LeakyRelu: same, PRelu: slopes, Abs: same, Neg: same, Identity: same, Dropout: firstOnly,
  MaxPool: spatial, AveragePool: spatial, GlobalAveragePool: globalPool, GlobalMaxPool: globalPool,
  Add: joined, Sub: joined, Sum: joined, Max: joined, Min: joined, Mul: gated, Div: gated,
  Flatten: flatten, Reshape: reshape, Squeeze: squeeze, ReduceMean: reduce, ReduceMax: reduce, ReduceMin: reduce, ReduceSum: reduce,
  Pad: pad, Resize: resize, Upsample: resize, Concat: concat,
};

/** The channels of a node's outputs, or undefined for operators that do not hand them on. */
export function carry(carried: Carried): readonly (Channels | undefined)[] | undefined {
  const { node } = carried;
  return isOperator(node, node.opType) && Object.hasOwn(CARRIERS, node.opType) ? CARRIERS[node.opType]!(carried) : undefined;
}
