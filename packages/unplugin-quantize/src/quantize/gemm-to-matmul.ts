import { floatAttribute, indexEdges, intAttribute, makeNode, type Edges } from '../graph/index.ts';
import { dtypeOf, setTensor, tensorOf, type NodeProto } from '../onnx/index.ts';
import type { Context } from './context.ts';
import { transposed } from './transpose.ts';

/**
 * Rewrites Gemm with a constant float32 matrix so that it can be computed in integers:
 *
 *     Gemm(A, B, C)  ->  Add(MatMul(A, B'), C)        B' = B, or B transposed (when it is read) for transB = 1
 *
 * Exact for alpha = beta = 1 and transA = 0, which is what exporters write; every other Gemm stays. So does one whose matrix has
 * other readers, because it would be stored twice.
 */
export function gemmToMatMul(context: Context): void {
  for (const edges of indexEdges(context.model)) {
    const { graph } = edges.scope;
    if (!graph.node.some((node) => node.opType === 'Gemm')) continue;
    graph.node = graph.node.flatMap((node) => (isPlain(context, node, edges) ? split(context, node, edges) : [node]));
  }
}

function isPlain(context: Context, node: NodeProto, edges: Edges): boolean {
  const plain = node.opType === 'Gemm' && floatAttribute(node, 'alpha', 1) === 1 && intAttribute(node, 'transA', 0) === 0
    && (floatAttribute(node, 'beta', 1) === 1 || (node.input[2] ?? '') === '');
  const name = node.input[1] ?? '';
  const matrix = plain ? edges.initializers.get(name) : undefined;
  return matrix !== undefined && dtypeOf(matrix.dataType) === 'float32' && edges.uses(name).length === 1 && !edges.outputs.has(name)
    && !edges.leavesSubgraph(name) && !context.excluded(node.name) && !context.excluded(name);
}

function split({ model, names }: Context, node: NodeProto, edges: Edges): NodeProto[] {
  const [input, matrix, bias] = node.input as [string, string, string | undefined];
  if (intAttribute(node, 'transB', 0) !== 0) {
    const proto = edges.initializers.get(matrix)!;
    setTensor(model, proto, transposed(tensorOf(model, proto)));
  }
  const output = node.output[0]!;
  if (bias === undefined || bias === '') return [makeNode('MatMul', [input, matrix], [output], {}, { name: node.name })];
  const product = names.fresh(`${output}_m`);
  return [makeNode('MatMul', [input, matrix], [product], {}, { name: node.name }), makeNode('Add', [product, bias], [output])];
}
