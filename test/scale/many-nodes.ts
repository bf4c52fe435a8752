import { makeNode } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { arrayTensor, type NodeProto, type Tensor } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { buildBytes, buildGraph, constantNode, floats } from '../support/build-model.ts';

/** Nodes of one layer, not counting those of its subgraph. */
const LAYER = 10;
const WIDTH = 48;

/**
 * A model of about `nodes` nodes with what large exported graphs have: products with their own weights, biases, constants, values that are
 * cast, transposed and reshaped, branches, names of exporters. Weights are tiny, so that time goes into the graph.
 */
export function manyNodes(nodes: number): Uint8Array {
  const layers = Math.ceil(nodes / LAYER);
  const initializers: Record<string, Tensor> = { shape: arrayTensor('int64', [2], BigInt64Array.of(-1n, BigInt(WIDTH))), shared: weight(1) };
  const all: NodeProto[] = [];
  for (let i = 0; i < layers; i++) {
    const name = (part: string): string => `/encoder/layer.${i}/${part}`;
    const input = i === 0 ? 'x' : `/encoder/layer.${i - 1}/out`;
    // Every tenth layer has a weight of its own, others share one: real graphs have more nodes than weights.
    if (i % 10 === 0) initializers[name('w')] = weight(i + 2);
    initializers[name('b')] = floats([WIDTH], Array.from({ length: WIDTH }, (_, j) => (i + j) % 7));
    all.push(
      makeNode('MatMul', [input, i % 10 === 0 ? name('w') : 'shared'], [name('product')], {}, { name: name('MatMul') }),
      makeNode('Add', [name('product'), name('b')], [name('sum')], {}, { name: name('Add') }),
      constantNode(name('half'), floats([], [0.5])),
      makeNode('Mul', [name('sum'), name('half')], [name('halved')], {}, { name: name('Mul') }),
      makeNode('Identity', [name('halved')], [name('same')], {}, { name: name('Identity') }),
      makeNode('Reshape', [name('same'), 'shape'], [name('shaped')], {}, { name: name('Reshape') }),
      makeNode('Relu', [name('shaped')], [name('relu')], {}, { name: name('Relu') }),
      makeNode('Cast', [name('relu')], [name('cast')], { to: 1n }, { name: name('Cast') }),
      i % 100 === 0 ? branch(name, input) : makeNode('Dropout', [name('cast')], [name('dropped')], {}, { name: name('Dropout') }),
      makeNode('Add', [input, name('dropped')], [name('out')], {}, { name: name('Residual') }),
    );
  }
  return buildBytes({ nodes: all, initializers, inputs: { x: `float32[N,${WIDTH}]`, on: 'bool[]' }, outputs: { [`/encoder/layer.${layers - 1}/out`]: `float32[N,${WIDTH}]` } });
}

function branch(name: (part: string) => string, input: string): NodeProto {
  const graph = (op: string) => buildGraph({ nodes: [makeNode(op, [name('cast'), input], [name(op)])], outputs: { [name(op)]: `float32[N,${WIDTH}]` } });
  return makeNode('If', ['on'], [name('dropped')], { then_branch: graph('Add'), else_branch: graph('Sub') }, { name: name('If') });
}

function weight(seed: number): Tensor {
  return floats([WIDTH, WIDTH], Array.from({ length: WIDTH * WIDTH }, (_, i) => ((i * 7919 + seed * 104_729) % 255) / 128 - 1));
}
