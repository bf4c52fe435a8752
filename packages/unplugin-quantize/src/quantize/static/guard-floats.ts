import { indexEdges, isOperator, makeNode, type Edges } from '../../graph/index.ts';
import { arrayTensor, type GraphProto, type Model, type NodeProto } from '../../onnx/index.ts';
import type { Builder } from './builder.ts';

/** Products whose float weights onnxruntime quantizes by itself, for the whole tensor, where they stand between two quantized values. */
const QUANTIZED_BY_ENGINE = ['Conv', 'ConvTranspose', 'Gemm', 'MatMul'] as const;

/** What it removes or merges before it looks. */
const TRANSPARENT = ['Relu', 'Clip', 'Add'] as const;

/**
 * Keeps products in float32 that should stay so: onnxruntime does not look through a Clip in front of them, and one whose bound is the largest
 * number changes nothing.
 *
 *     DequantizeLinear -> Conv(float) -> QuantizeLinear    =>    DequantizeLinear -> Clip -> Conv(float) -> QuantizeLinear
 */
export function guardFloats(model: Model, graph: GraphProto, build: Builder): void {
  const edges = indexEdges(model).find(({ scope }) => scope.graph === graph)!;
  const guards = new Map<string, string>();
  let limit: string | undefined;
  graph.node = graph.node.flatMap((node) => {
    const [input = '', weight = ''] = node.input;
    if (!isOperator(node, ...QUANTIZED_BY_ENGINE) || !isDequantized(input, edges) || isDequantized(weight, edges) || !isQuantized(node.output[0]!, edges)) return [node];
    const known = guards.get(input);
    const guarded = known ?? build.fresh(`${input}_g`);
    guards.set(input, guarded);
    node.input[0] = guarded;
    limit ??= build.constant('largest', arrayTensor('float32', [], Float32Array.of(LARGEST)));
    return known === undefined ? [makeNode('Clip', [input, '', limit], [guarded]), node] : [node];
  });
}

const LARGEST = 3.4028234663852886e38;

function isDequantized(name: string, { producers }: Edges): boolean {
  const producer: NodeProto | undefined = producers.get(name);
  return producer !== undefined && isOperator(producer, 'DequantizeLinear');
}

function isQuantized(name: string, edges: Edges, depth = 0): boolean {
  return depth < 4 && edges.uses(name).some(({ node }) => isOperator(node, 'QuantizeLinear') || (isOperator(node, ...TRANSPARENT) && isQuantized(node.output[0]!, edges, depth + 1)));
}
