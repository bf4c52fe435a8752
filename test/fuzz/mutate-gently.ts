import { makeAttribute, makeNode, scopesOf } from '../../packages/unplugin-quantize/src/graph/index.ts';
import {
  arrayTensor, dtypeCode, elementCount, isExternal, rawByteLength, rawTensor, setTensor, type DType, type GraphProto, type Model, type TensorProto,
} from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { buildGraph, valueInfo } from '../support/build-model.ts';
import type { Mutation } from './mutate-tensors.ts';
import type { Random } from './random.ts';

const SHAPES = [[], [1], [7], [0, 5], [64, 96], [33, 65], [96, 64], [1, 4096], [4096, 1], [5, 1, 900], [2, 3, 40, 41], [16, 16, 3, 3], [8, 1, 1, 1, 256]];
const DTYPES: DType[] = ['float32', 'float32', 'float16', 'float64', 'bfloat16', 'int8', 'uint8', 'int32', 'int64', 'bool', 'int4', 'uint4', 'float8e4m3fn', 'complex64'];
const UNARY = ['Relu', 'Identity', 'Transpose', 'Dropout', 'Neg', 'Softmax', 'Flatten', 'Squeeze', 'Sqrt', 'Cast'];
const WEIGHT_READERS = ['MatMul', 'Gemm', 'Gather', 'Conv', 'ConvTranspose', 'Add', 'Div', 'Where', 'Concat', 'Reshape', 'Slice', 'Expand', 'BatchNormalization', 'LSTM', 'GatherElements'];

const graphOf = (model: Model, random: Random): GraphProto => random.pick(scopesOf(model)).graph;

/** Names that the first `count` nodes of a graph may read. */
function visible({ input, initializer, node }: GraphProto, count: number): string[] {
  return [...input.map(({ name }) => name), ...initializer.map(({ name }) => name), ...node.slice(0, count).flatMap(({ output }) => output)].filter((name) => name !== '');
}

function redraw(model: Model, tensor: TensorProto, dtype: DType, dims: number[], random: Random): void {
  const bytes = new Uint8Array(rawByteLength(dtype, elementCount(dims)));
  // Floats between -2 and 2 of every sign: the top byte decides.
  for (let i = 0; i < bytes.length; i++) bytes[i] = dtype === 'float32' && i % 4 === 3 ? random.pick([0x3f, 0xbf, 0x3e]) : random.below(256);
  setTensor(model, tensor, rawTensor(dtype, dims, bytes));
}

/** Changes after which the structure of a model still holds together, so that they reach what comes after the checks. */
export const GENTLE_MUTATIONS: readonly Mutation[] = [
  (model, random) => {
    const { initializer } = graphOf(model, random);
    const tensor = initializer.length > 0 ? random.pick(initializer) : undefined;
    if (tensor !== undefined && !isExternal(tensor)) redraw(model, tensor, 'float32', random.pick(SHAPES), random);
  },
  (model, random) => {
    const { initializer } = graphOf(model, random);
    const tensor = initializer.length > 0 ? random.pick(initializer) : undefined;
    if (tensor !== undefined && !isExternal(tensor)) redraw(model, tensor, random.pick(DTYPES), tensor.dims.map(Number).filter((dim) => dim >= 0 && dim < 5000), random);
  },
  (model, random) => {
    const graph = graphOf(model, random);
    if (graph.node.length === 0) return;
    const at = random.below(graph.node.length);
    const node = graph.node[at]!;
    const names = visible(graph, at);
    const index = random.below(node.input.length + 1);
    if (names.length > 0) node.input = [...node.input.slice(0, index), random.pick(names), ...node.input.slice(index + 1)];
  },
  (model, random) => {
    const graph = graphOf(model, random);
    const weights = graph.initializer.map(({ name }) => name);
    const names = visible(graph, graph.node.length);
    if (weights.length === 0) return;
    const inputs = Array.from({ length: 1 + random.below(4) }, () => random.pick(random.chance(0.5) ? weights : names));
    const output = `read${graph.node.length}`;
    graph.node.push(makeNode(random.pick(WEIGHT_READERS), inputs, [output]));
    graph.output.push(valueInfo(output, random.pick(['', 'float32'])));
  },
  (model, random) => {
    const graph = graphOf(model, random);
    const names = visible(graph, graph.node.length).filter((name) => !graph.output.some((output) => output.name === name));
    if (names.length > 0) graph.output.push(valueInfo(random.pick(names), random.pick(['', 'float32', 'float32[2,2]'])));
  },
  (model, random) => {
    const graph = graphOf(model, random);
    const at = random.below(graph.node.length + 1);
    const names = visible(graph, at);
    const node = graph.node[at];
    if (names.length === 0 || node === undefined || node.input.length === 0) return;
    const between = `between${graph.node.length}`;
    const index = random.below(node.input.length);
    const op = random.pick(UNARY);
    graph.node.splice(at, 0, makeNode(op, [node.input[index] === '' ? names[0]! : node.input[index]!], [between], op === 'Cast' ? { to: BigInt(dtypeCode(random.pick(DTYPES))) } : {}));
    node.input = node.input.map((name, i) => (i === index ? between : name));
  },
  (model, random) => {
    const graph = graphOf(model, random);
    const node = graph.node.length > 0 ? random.pick(graph.node) : undefined;
    const axis = random.pick(['axis', 'transA', 'transB', 'group', 'hidden_size', 'to', 'allowzero', 'keepdims', 'batch_dims']);
    if (node !== undefined) node.attribute = [...node.attribute.filter(({ name }) => name !== axis), makeAttribute(axis, BigInt(random.below(5) - 2))];
  },
  (model, random) => {
    // The last nodes move into both branches of an If.
    const graph = model.proto.graph!;
    const from = Math.max(0, graph.node.length - 1 - random.below(3));
    const moved = graph.node.slice(from);
    const outputs = Object.fromEntries(graph.output.filter(({ name }) => moved.some(({ output }) => output.includes(name))).map(({ name }) => [name, '']));
    if (Object.keys(outputs).length === 0) return;
    if (!graph.input.some(({ name }) => name === 'choice')) graph.input.push(valueInfo('choice', 'bool[]'));
    const branch = (): GraphProto => buildGraph({ nodes: moved, outputs });
    graph.node = [...graph.node.slice(0, from), makeNode('If', ['choice'], Object.keys(outputs), { then_branch: branch(), else_branch: branch() })];
  },
  (model, random) => {
    const graph = graphOf(model, random);
    const at = random.below(graph.initializer.length);
    const tensor = graph.initializer[at];
    if (tensor === undefined) return;
    // A weight is a node's result instead, or can be fed.
    if (random.chance(0.5)) graph.input.push(valueInfo(tensor.name, 'float32'));
    else {
      graph.initializer.splice(at, 1);
      graph.node.unshift(makeNode('Constant', [], [tensor.name], { value: tensor }));
    }
  },
  (model, random) => {
    const { initializer } = graphOf(model, random);
    const tensor = initializer.length > 0 ? random.pick(initializer) : undefined;
    if (tensor === undefined || isExternal(tensor)) return;
    const values = Float32Array.from({ length: 4096 }, () => random.pick([NaN, Infinity, 3e38, 1e-40, 0, 70_000]));
    setTensor(model, tensor, arrayTensor('float32', [64, 64], values));
  },
];
