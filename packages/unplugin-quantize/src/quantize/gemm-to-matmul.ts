import { floatAttribute, intAttribute, isHandedOut, isOperator, makeNode, replaceNodes, type Use } from '../graph/index.ts';
import { setTensor, tensorOf, type GraphProto, type NodeProto } from '../onnx/index.ts';
import { isExcluded, undecidedWeights, type Context, type Weight } from './context.ts';
import { transposed } from './transpose.ts';

/**
 * True for Gemm(A, B, C) that is MatMul(A, B') + C with B' = B, or B transposed for transB = 1: alpha = beta = 1 and transA = 0, which
 * is what exporters write. A matrix with other readers would be stored twice, so it has to be the weight's only use.
 */
export function isPlainGemm({ node, index }: Use, { tensor, uses }: Weight): boolean {
  return isOperator(node, 'Gemm') && index === 1 && uses.length === 1 && tensor.dims.length === 2
    && floatAttribute(node, 'alpha', 1) === 1 && intAttribute(node, 'transA', 0) === 0
    && (floatAttribute(node, 'beta', 1) === 1 || (node.input[2] ?? '') === '');
}

/** The undecided weights of plain Gemm nodes that may be rewritten. */
export function plainGemmWeights(context: Context): Weight[] {
  return undecidedWeights(context).filter((weight) => weight.uses.length === 1 && isPlainGemm(weight.uses[0]!, weight)
    && !isHandedOut(weight.proto.name, weight.edges) && !isExcluded(context, weight));
}

/**
 * Rewrites the Gemm nodes that read the given weights (`isPlainGemm`), and transposes the weights of those with transB:
 *
 *     Gemm(A, B, C)  ->  Add(MatMul(A, B'), C)
 *
 * @returns the MatMul nodes
 */
export function gemmToMatMul(context: Context, weights: readonly Weight[] = plainGemmWeights(context)): Set<NodeProto> {
  const { model, names } = context;
  const products = new Set<NodeProto>();
  const replaced = new Map<GraphProto, Map<NodeProto, NodeProto[]>>();
  for (const { proto, uses: [use] } of weights) {
    const { node: gemm, scope } = use!;
    if (intAttribute(gemm, 'transB', 0) !== 0) setTensor(model, proto, transposed(tensorOf(model, proto)));
    const [input, matrix, bias = ''] = gemm.input as [string, string, string | undefined];
    const output = gemm.output[0]!;
    const sum = bias === '' ? output : names.fresh(`${output}_m`);
    const product = makeNode('MatMul', [input, matrix], [sum], {}, { name: gemm.name });
    products.add(product);
    const nodes = bias === '' ? [product] : [product, makeNode('Add', [sum, bias], [output])];
    const inGraph = replaced.get(scope.graph) ?? new Map<NodeProto, NodeProto[]>();
    replaced.set(scope.graph, inGraph.set(gemm, nodes));
  }
  for (const [graph, nodes] of replaced) replaceNodes(graph, (node) => nodes.get(node));
  return products;
}
