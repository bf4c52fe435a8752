import { intAttribute } from '../../packages/unplugin-quantize/src/graph/index.ts';
import type { NodeProto, ValueInfoProto } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { bytesOf } from '../support/run-model.ts';
import type { RunnableTest, Value } from './cases.ts';
import { ENOUGH_ELEMENTS, fixInputs, parseTest, product, repeated, type Variant } from './variant-parts.ts';

type Places = readonly [index: number, axis: number][];
type Ranks = (index: number) => number;

/** For operators with weights: what is repeated along which axis so that the node stays valid; `weights` become initializers. */
interface Widening {
  weights: readonly number[];
  /** Repeated until the weight is large enough. */
  repeat(node: NodeProto, rank: Ranks): Places;
  /** The axes that are summed over, repeated `REDUCED_TIMES` for formats with blocks along them. */
  reduced?(node: NodeProto, rank: Ranks): Places;
}

const REDUCED_TIMES = 16;

const channels: Widening = { weights: [1, 2], repeat: () => [[1, 0], [2, 0]] };
const recurrent: Widening = { weights: [1, 2, 3], repeat: () => [[0, 2], [1, 2]] };

const WIDENINGS: Record<string, Widening> = {
  MatMul: {
    weights: [1],
    repeat: (_, rank) => (rank(1) < 2 ? [] : [[1, rank(1) - 1]]),
    reduced: (_, rank) => [[0, rank(0) - 1], [1, rank(1) - 2]],
  },
  Gemm: {
    weights: [1],
    repeat: (node, rank) => [[1, intAttribute(node, 'transB', 0) === 0 ? 1 : 0], [2, rank(2) - 1]],
    reduced: (node) => [[0, intAttribute(node, 'transA', 0) === 0 ? 1 : 0], [1, intAttribute(node, 'transB', 0) === 0 ? 0 : 1]],
  },
  Conv: channels,
  ConvTranspose: { weights: [1, 2], repeat: () => [[1, 1], [2, 0]] },
  Gather: { weights: [0], repeat: (node) => (intAttribute(node, 'axis', 0) === 0 ? [[0, 0]] : []) },
  LSTM: recurrent,
  GRU: recurrent,
  RNN: recurrent,
};

/** The test's only node with weights that are large enough for every format; undefined for operators without weights. */
export function widened(test: RunnableTest): Variant | undefined {
  const model = parseTest(test);
  const graph = model.proto.graph!;
  const [node] = graph.node;
  const widening = graph.node.length === 1 && node!.domain === '' ? WIDENINGS[node!.opType] : undefined;
  if (widening === undefined) return undefined;
  const inputs = { ...test.inputs };
  const valueAt = (index: number): Value | undefined => inputs[node!.input[index] ?? ''];
  const rank = (index: number): number => valueAt(index)?.dims.length ?? 0;
  const places = widening.repeat(node!, rank);
  const main = places.find(([index]) => widening.weights.includes(index));
  if (main === undefined || valueAt(main[0])?.dtype !== 'float32') return undefined;
  const repeatAll = (where: Places, times: number): void => {
    for (const [index, axis] of where) {
      const value = valueAt(index);
      // A bias of one element is broadcast whatever the width.
      if (value !== undefined && axis >= 0 && (value.dims[axis] ?? 1) > 1) inputs[node!.input[index]!] = repeatAxis(value, axis, times);
    }
  };
  repeatAll(widening.reduced?.(node!, rank) ?? [], REDUCED_TIMES);
  repeatAll(places, Math.ceil(ENOUGH_ELEMENTS / product(valueAt(main[0])!.dims)));
  for (const info of [...graph.input, ...graph.output]) forgetShape(info);
  const wide = { ...test, inputs };
  return { name: `${test.name} widened`, feeds: fixInputs(model, wide, widening.weights.map((index) => node!.input[index] ?? '')), model: bytesOf(model) };
}

function forgetShape({ type }: ValueInfoProto): void {
  if (type?.value.case === 'tensorType') type.value.value.shape = undefined;
}

function repeatAxis({ dtype, dims, elements }: Value, axis: number, times: number): Value {
  const bytes = elements as Uint8Array;
  const outer = product(dims.slice(0, axis));
  const run = outer === 0 ? 0 : bytes.length / outer;
  const runs = Array.from({ length: outer }, (_, i) => repeated(bytes.subarray(i * run, (i + 1) * run), times));
  return { dtype, dims: dims.map((dim, i) => (i === axis ? dim * times : dim)), elements: new Uint8Array(Buffer.concat(runs)) };
}
