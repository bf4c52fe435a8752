import { constantOf, dropAttributes, indexEdges, intAttribute, isHandedOut, isOperator, makeNode, replaceNodes, resolve, type Edges } from '../graph/index.ts';
import { transposeTensor } from '../graph/fold/transpose-tensor.ts';
import { arrayTensor, requireOpset, tensorProto, type NodeProto, type Tensor, type TensorProto } from '../onnx/index.ts';
import { INT8, quantizeSymmetric } from './affine.ts';
import { decide, isExcluded, remember, undecidedWeights, weightName, type Context, type Weight } from './context.ts';

const DOMAIN = 'com.microsoft';
/** Below this many elements of both weights the quantizing of the activation costs more than the product saves. */
const MIN_ELEMENTS = 1024;
/** Inputs of LSTM: X, W, R, B, sequence_lens, initial_h, initial_c, P. Those of DynamicQuantizeLSTM go on with scales and zero points. */
const INPUTS = 8;
const WEIGHTS = [1, 2] as const;

/**
 * Computes LSTMs in integers, as onnxruntime.quantization's LSTMQuant does: the operator quantizes its input and its state to uint8
 * while the model runs, the weights are int8 with a symmetric scale for each gate's unit.
 *
 *     LSTM(X, W, R, B, ...)  ->  DynamicQuantizeLSTM(X, Wq, Rq, B, ..., Ws, Wz, Rs, Rz)
 *     W float32 [directions, 4 hidden, inputs]  ->  Wq int8 [directions, inputs, 4 hidden], Ws float32 and Wz int8 [directions, 4 hidden]
 *
 * An LSTM is taken when both weights are constants that only such LSTMs read. GRU and RNN have no such operator.
 * (onnxruntime, docs/ContribOperators.md: com.microsoft.DynamicQuantizeLSTM)
 */
export function computeLstmsInIntegers(context: Context): void {
  const { model } = context;
  if (!context.options.ops.includes('LSTM')) return;
  const all = indexEdges(model);
  const weights = new Map(undecidedWeights(context).map((weight) => [weight.proto, weight]));
  const lstms = takenTogether(all.flatMap((edges) => edges.scope.graph.node.flatMap((node) => {
    const pair = weightsOf(context, node, edges, all, weights);
    return pair === undefined ? [] : [{ node, edges, pair }];
  })));
  const done = new Map<Weight, IntegerWeight>();
  const replaced = new Map<NodeProto, NodeProto>();
  for (const { node, pair } of lstms) {
    const [w, r] = pair.map((weight) => {
      const known = done.get(weight) ?? quantize(context, weight);
      done.set(weight, known);
      return known;
    }) as [IntegerWeight, IntegerWeight];
    replaced.set(node, integerLstm(node, w, r));
  }
  if (lstms.length === 0) return;
  for (const { scope: { graph } } of all) replaceNodes(graph, (node) => (replaced.has(node) ? [replaced.get(node)!] : undefined));
  requireOpset(model.proto, DOMAIN, 1);
}

interface Candidate {
  node: NodeProto;
  edges: Edges;
  pair: readonly [Weight, Weight];
}

/** W and R of an LSTM that can be computed in integers. Time comes first, as `layout` 1 has no integer form. */
function weightsOf(context: Context, node: NodeProto, edges: Edges, all: readonly Edges[], weights: ReadonlyMap<TensorProto, Weight>): readonly [Weight, Weight] | undefined {
  if (!isOperator(node, 'LSTM') || intAttribute(node, 'layout', 0) !== 0) return undefined;
  const [w, r] = WEIGHTS.map((index) => {
    const name = node.input[index] ?? '';
    const proto = name === '' ? undefined : constantOf(name, edges.scope, all);
    const weight = proto && weights.get(proto);
    const isTaken = weight?.tensor.dims.length === 3 && !isHandedOut(name, resolve(name, edges.scope, all)!) && !isExcluded(context, weight);
    return isTaken ? weight : undefined;
  });
  if (w === undefined || r === undefined) return undefined;
  return (w.tensor.byteLength + r.tensor.byteLength) / 4 < MIN_ELEMENTS ? undefined : [w, r];
}

/** Leaves out LSTMs that share a weight with a node which is not taken, until none does. */
function takenTogether(candidates: Candidate[]): Candidate[] {
  const nodes = new Set(candidates.map(({ node }) => node));
  const kept = candidates.filter(({ pair }) => pair.every(({ uses }, i) => uses.every((use) => nodes.has(use.node) && use.index === WEIGHTS[i])));
  return kept.length === candidates.length ? kept : takenTogether(kept);
}

interface IntegerWeight {
  values: string;
  scale: string;
  zeroPoint: string;
}

function quantize(context: Context, weight: Weight): IntegerWeight {
  const { model, names } = context;
  const { proto, edges: { scope: { graph } } } = weight;
  const [directions, units, inputs] = weight.tensor.dims as [number, number, number];
  const rows: Tensor = { ...weight.tensor, dims: [directions * units, inputs] };
  const { values, scales } = quantizeSymmetric(rows, 0, INT8, weightName(weight));
  const columns = transposeTensor({ ...values, dims: [directions, units, inputs] }, [0, 2, 1])!;
  const dims = [directions, units];
  const tensors = [
    tensorProto(model, names.fresh(`${proto.name}_q`), columns),
    tensorProto(model, names.fresh(`${proto.name}_s`), { ...scales, dims }),
    tensorProto(model, names.fresh(`${proto.name}_z`), arrayTensor('int8', dims, new Int8Array(directions * units))),
  ] as const;
  graph.initializer = graph.initializer.flatMap((other) => (other === proto ? tensors : [other]));
  decide(context, weight, 'int8-dynamic', columns.byteLength + scales.byteLength + directions * units);
  const [q, s, z] = tensors;
  remember(context, weight, { order: { kind: 'turned' }, values: q, scales: s });
  return { values: q.name, scale: s.name, zeroPoint: z.name };
}

function integerLstm(lstm: NodeProto, w: IntegerWeight, r: IntegerWeight): NodeProto {
  const given = Array.from({ length: INPUTS }, (_, i) => lstm.input[i] ?? '').with(1, w.values).with(2, r.values);
  const node = makeNode('DynamicQuantizeLSTM', [...given, w.scale, w.zeroPoint, r.scale, r.zeroPoint], lstm.output, {}, { name: lstm.name, domain: DOMAIN });
  node.attribute = lstm.attribute;
  dropAttributes(node, 'layout');
  return node;
}
