import { makeAttribute, makeNode, scopesOf, type AttributeValue } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { create, OperatorSetIdProtoSchema, type GraphProto, type Model, type NodeProto } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { buildGraph, floats, inlineTensor, ints, ramp, valueInfo } from '../support/build-model.ts';
import { EDGE_DIMS, type Mutation } from './mutate-tensors.ts';
import type { Random } from './random.ts';

const OPS = [
  'MatMul', 'Gemm', 'Conv', 'ConvTranspose', 'Gather', 'Transpose', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Slice', 'Split', 'Concat', 'Cast', 'Identity', 'Dropout',
  'Constant', 'ConstantOfShape', 'Shape', 'Where', 'Add', 'Mul', 'Div', 'Softmax', 'LSTM', 'GRU', 'If', 'Loop', 'Scan', 'Clip', 'Pad', 'TopK', 'Resize', 'Upsample',
  'BatchNormalization', 'DequantizeLinear', 'QuantizeLinear', 'Expand', 'Tile', 'Range', 'Layer', 'Nonsense', '', '__proto__', 'toString',
];
const DOMAINS = ['', 'ai.onnx', 'com.microsoft', 'local', 'nowhere', '__proto__'];
const NAMES = ['', 'missing', '__proto__', 'constructor', 'y', 'x', '\ud800'];
const ATTRIBUTES = ['axis', 'axes', 'perm', 'to', 'transA', 'transB', 'alpha', 'group', 'allowzero', 'split', 'starts', 'ends', 'pads', 'value', 'value_ints', 'k', 'hidden_size', 'kernel_shape', 'reduction', 'then_branch'];

const attributeValue = (random: Random): AttributeValue => random.pick<() => AttributeValue>([
  () => random.pick(EDGE_DIMS),
  () => Array.from({ length: random.pick([0, 1, 2, 5, 500]) }, () => random.below(9) - 4),
  () => ({ float: random.pick([NaN, Infinity, 0, 1, -1]) }),
  () => ({ floats: [1, NaN] }),
  () => random.pick(['', 'add', 'LEFT', 'n'.repeat(3000)]),
  () => inlineTensor('', ints([2], [3, -1])),
  () => buildGraph({ nodes: [makeNode('Relu', ['x'], ['r'])], outputs: { r: 'float32' } }),
])();

const graphsOf = (model: Model): GraphProto[] => scopesOf(model).map(({ graph }) => graph);
const pickGraph = (model: Model, random: Random): GraphProto => random.pick(graphsOf(model));

function pickNode(model: Model, random: Random): NodeProto {
  const nodes = [...graphsOf(model).flatMap(({ node }) => node), ...model.proto.functions.flatMap(({ node }) => node)];
  return nodes.length > 0 ? random.pick(nodes) : makeNode('Identity', ['x'], ['y']);
}

function anyName(model: Model, random: Random): string {
  const names = graphsOf(model).flatMap(({ node, initializer, input }) => [...node.flatMap(({ output }) => output), ...initializer.map(({ name }) => name), ...input.map(({ name }) => name)]);
  return random.chance(0.15) || names.length === 0 ? random.pick(NAMES) : random.pick(names);
}

function replaceOne<T>(items: readonly T[], item: T, random: Random): T[] {
  const at = random.below(items.length + 1);
  return [...items.slice(0, at), item, ...items.slice(at + 1)];
}

/** Changes of names, nodes and graphs. */
export const GRAPH_MUTATIONS: readonly Mutation[] = [
  (model, random) => {
    const node = pickNode(model, random);
    node.input = replaceOne(node.input, anyName(model, random), random);
  },
  (model, random) => {
    const node = pickNode(model, random);
    node.output = replaceOne(node.output, anyName(model, random), random);
  },
  (model, random) => {
    const node = pickNode(model, random);
    if (random.chance(0.5)) node.input = node.input.slice(0, random.below(node.input.length + 1));
    else node.output = node.output.slice(0, random.below(node.output.length + 1));
  },
  (model, random) => {
    pickNode(model, random).opType = random.pick(OPS);
  },
  (model, random) => {
    pickNode(model, random).domain = random.pick(DOMAINS);
  },
  (model, random) => {
    const node = pickNode(model, random);
    const name = node.attribute.length > 0 && random.chance(0.6) ? random.pick(node.attribute).name : random.pick(ATTRIBUTES);
    node.attribute = [...node.attribute.filter((other) => other.name !== name || random.chance(0.1)), makeAttribute(name, attributeValue(random))];
  },
  (model, random) => {
    pickNode(model, random).attribute = [];
  },
  (model, random) => {
    const graph = pickGraph(model, random);
    const at = random.below(graph.node.length + 1);
    graph.node = [...graph.node.slice(at), ...graph.node.slice(0, random.chance(0.5) ? at : Math.max(0, at - 1))];
  },
  (model, random) => {
    const graph = pickGraph(model, random);
    if (graph.node.length > 0) graph.node.push(random.pick(graph.node));
  },
  (model, random) => {
    const graph = pickGraph(model, random);
    if (graph.initializer.length > 0) graph.initializer.push(random.pick(graph.initializer));
  },
  (model, random) => {
    const graph = pickGraph(model, random);
    const given = random.pick([graph.input, graph.output, graph.valueInfo]);
    if (random.chance(0.3)) given.splice(random.below(given.length + 1), 1);
    else given.push(valueInfo(anyName(model, random), random.pick(['', 'float32', 'float32[1,-1]'.replace('-1', '9007199254740993'), 'int64[]', 'string[N]', 'float16[2,2]'])));
  },
  (model, random) => {
    model.proto.opsetImport = replaceOne(model.proto.opsetImport, create(OperatorSetIdProtoSchema, {
      domain: random.pick(DOMAINS), version: random.pick([...EDGE_DIMS, 9n, 10n, 11n, 12n, 13n, 18n, 21n, 26n]),
    }), random);
  },
  (model, random) => {
    model.proto.irVersion = random.pick([...EDGE_DIMS, 3n, 4n, 14n, 15n]);
  },
  (model, random) => {
    const name = random.pick(['Layer', 'MatMul', 'Nonsense']);
    for (const fn of model.proto.functions) fn.node.push(makeNode(name, [...fn.input], ['r2'], {}, { domain: fn.domain }));
  },
  ...growths(),
];

/** What makes a graph large while the file stays small. */
function growths(): Mutation[] {
  return [
    (model, random) => {
      const graph = model.proto.graph!;
      let inner = buildGraph({ nodes: [makeNode('Relu', [anyName(model, random)], ['deep'])], outputs: { deep: 'float32' } });
      for (let depth = random.pick([1, 4, 20]); depth > 0; depth--) {
        inner = buildGraph({ nodes: [makeNode('If', ['on'], ['deep'], { then_branch: inner, else_branch: buildGraph({ nodes: [], outputs: { on: 'bool' } }) })], outputs: { deep: 'float32' } });
      }
      graph.node.push(...inner.node);
      graph.output.push(...inner.output);
    },
    (model, random) => {
      const op = random.pick(['Relu', 'Identity', 'Transpose', 'Cast', 'Squeeze', 'Dropout', 'Reshape', 'Neg']);
      chain(model, random, random.pick([10, 300, 3000]), (from, to) => makeNode(op, [from], [to], op === 'Cast' ? { to: BigInt(1 + random.below(11)) } : {}));
    },
    (model, random) => {
      const op = random.pick(['Concat', 'Add', 'MatMul', 'Gemm', 'Split']);
      chain(model, random, random.pick([5, 25, 60]), (from, to) => makeNode(op, [from, from], op === 'Split' ? [to, `${to}b`] : [to], op === 'Concat' ? { axis: 0n } : {}));
    },
    (model, random) => {
      const graph = model.proto.graph!;
      const names = Array.from({ length: 400 }, (_, i) => `many${i}`);
      graph.initializer.push(...names.map((name, i) => inlineTensor(name, random.chance(0.9) ? floats([8], [1, 2, 3, 4, 5, 6, 7, i % 3]) : ramp([8, 40]))));
      graph.node.push(makeNode(random.pick(['Concat', 'Sum', 'MatMul']), names, ['many']));
      graph.output.push(valueInfo('many', 'float32'));
    },
  ];
}

function chain(model: Model, random: Random, length: number, link: (from: string, to: string) => NodeProto): void {
  const graph = model.proto.graph!;
  const first = anyName(model, random);
  for (let i = 0; i < length; i++) graph.node.push(link(i === 0 ? first : `link${i - 1}`, `link${i}`));
  graph.output.push(valueInfo(`link${length - 1}`, 'float32'));
}
