import { constantOf, indexEdges, isHandedOut, isOperator, makeNode, nodeLabel, type Edges } from '../../graph/index.ts';
import { rankFinder } from '../../graph/opset/rank.ts';
import { dtypeOf, type Model, type NodeProto, type TensorProto } from '../../onnx/index.ts';

/**
 * MatMul(x, W) -> m, Add(m, b) -> y    =>    Gemm(x, W, b) -> y    where x is known to be a matrix
 *
 * onnxruntime does the same before it fuses integers, and then finds a bias that is not int32.
 *
 * @returns the number of Add nodes that are gone
 */
export function biasesIntoGemm(model: Model): number {
  const all = indexEdges(model);
  const rankOf = rankFinder(model, all);
  let merged = 0;
  for (const edges of all) {
    const { graph } = edges.scope;
    const gone = new Set<NodeProto>();
    const gemms = new Map<NodeProto, NodeProto>();
    for (const node of graph.node) {
      const weight = isOperator(node, 'MatMul') ? floatConstant(node.input[1]!, edges, all) : undefined;
      const bias = weight?.dims.length === 2 && rankOf(node.input[0]!, edges.scope) === 2 ? biasAfter(node, Number(weight.dims[1]), edges, all) : undefined;
      if (bias === undefined) continue;
      // In the place of the Add, because the bias may be older than the product's other inputs.
      gemms.set(bias.add, makeNode('Gemm', [node.input[0]!, node.input[1]!, bias.name], [bias.add.output[0]!], {}, { name: nodeLabel(node) }));
      gone.add(node);
    }
    if (gone.size === 0) continue;
    merged += gone.size;
    graph.node = graph.node.flatMap((node) => (gone.has(node) ? [] : [gemms.get(node) ?? node]));
  }
  return merged;
}

function biasAfter(product: NodeProto, channels: number, edges: Edges, all: readonly Edges[]): { add: NodeProto; name: string } | undefined {
  const output = product.output[0]!;
  const uses = edges.uses(output);
  const [use] = uses;
  if (uses.length !== 1 || use!.scope !== edges.scope || !isOperator(use!.node, 'Add') || isHandedOut(output, edges)) return undefined;
  const name = use!.node.input[1 - use!.index]!;
  const dims = floatConstant(name, edges, all)?.dims;
  return dims?.length === 1 && Number(dims[0]) === channels ? { add: use!.node, name } : undefined;
}

function floatConstant(name: string, edges: Edges, all: readonly Edges[]): TensorProto | undefined {
  const proto = constantOf(name, edges.scope, all);
  return proto !== undefined && dtypeOf(proto.dataType) === 'float32' ? proto : undefined;
}
