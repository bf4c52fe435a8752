import { constantOf, isOperator, nodeLabel, type Edges } from '../../graph/index.ts';
import { dtypeOf, elementCount, type NodeProto } from '../../onnx/index.ts';
import type { IntegerShare } from '../../types.ts';
import type { Context } from '../context.ts';
import { boundAfter } from './bounds.ts';
import type { Candidate } from './candidates.ts';
import { graphViews, type GraphView } from './views.ts';
import { staticOperator } from './operators.ts';
import { planStatic, type Plan, type Planned } from './plan.ts';

/** A product with a constant weight in the main graph, with the value whose elements tell how often the weight is used. */
interface Product {
  node: NodeProto;
  value: string;
  /** Multiply-adds for each element of the value. */
  perElement: number;
  /** Elements of the weight. */
  count: number;
}

/** Values whose numbers of elements tell the work of products, but for those that other taps tell. */
export function workTaps(view: GraphView, tapped: { has(name: string): boolean }): string[] {
  return productsOf(view).map(({ value }) => value).filter((value) => !tapped.has(behindBounds(view, value)));
}

/** How many elements a value has in one run; undefined where samples did not tell. A Relu or Clip behind it has as many. */
export function elementsOf(view: GraphView, value: string): number | undefined {
  const { statistics } = view.context;
  return (statistics.get(value) ?? statistics.get(behindBounds(view, value)))?.elements;
}

function behindBounds({ context, edges, all }: GraphView, name: string): string {
  let value = name;
  for (let bound = boundAfter(value, edges, all, context.model); bound !== undefined; bound = boundAfter(value, edges, all, context.model)) value = bound.node.output[0]!;
  return value;
}

export function productsOf({ edges, weights, floats }: GraphView): Product[] {
  return edges.scope.graph.node.flatMap((node) => {
    const weight = isOperator(node, 'Conv', 'ConvTranspose', 'MatMul', 'Gemm') ? weights.get(node.input[1] ?? '') : undefined;
    const [input = '', output = ''] = [node.input[0], node.output[0]];
    if (weight === undefined || !floats.has(input) || !floats.has(output)) return [];
    const { dims } = weight.tensor;
    const count = elementCount(dims);
    if (isOperator(node, 'Conv')) return [{ node, count, value: output, perElement: count / dims[0]! }];
    if (isOperator(node, 'ConvTranspose')) return [{ node, count, value: input, perElement: count / dims[0]! }];
    // Rows of the input are as long as the weight has rows; for transB, columns.
    const isTransposed = isOperator(node, 'Gemm') && node.attribute.some(({ name, i }) => name === 'transB' && i !== 0n);
    return [{ node, count, value: input, perElement: dims[isTransposed ? 0 : 1] ?? 1 }];
  });
}

/** Products with constant weights in bodies of If, Loop and the like, and the elements of their weights. */
export function nestedProducts(all: readonly Edges[]): { path: string; node: NodeProto; count: number }[] {
  return all.slice(1).flatMap(({ scope }) => scope.graph.node.flatMap((node) => {
    const weight = isOperator(node, 'Conv', 'ConvTranspose', 'MatMul', 'Gemm') ? constantOf(node.input[1] ?? '', scope, all) : undefined;
    return weight === undefined || dtypeOf(weight.dataType) !== 'float32' ? [] : [{ path: scope.path, node, count: elementCount(weight.dims.map(Number)) }];
  }));
}

/**
 * The share of multiply-adds of products with constant weights that integer kernels do, node by node. Where samples told no sizes, each weight
 * counts as used once; so do those in bodies of If, Loop and Scan, whose runs nobody counts.
 */
export function integerShare(graphs: readonly Planned[]): IntegerShare {
  const [{ view }] = graphs as [Planned, ...Planned[]];
  const kernels = new Map(graphs.flatMap(({ plan }) => plan.nodes.flatMap((candidate) => (candidate.weight === undefined ? [] : [[candidate.node, kernelOf(candidate, plan)] as const]))));
  const products = productsOf(view);
  const counts = products.map(({ value }) => elementsOf(view, value));
  const isKnown = counts.every((found) => found !== undefined);
  const nodes = products.map(({ node, perElement, count }, i) => {
    const multiplyAdds = isKnown ? Math.round(counts[i]! * perElement) : count;
    return { node: nodeLabel(node), op: node.opType, kernel: kernels.get(node) ?? null, multiplyAdds };
  });
  nodes.push(...nestedProducts(view.all).map(({ path, node, count }) => ({ node: path + nodeLabel(node), op: node.opType, kernel: kernels.get(node) ?? null, multiplyAdds: count })));
  const sum = (some: typeof nodes): number => some.reduce((total, { multiplyAdds }) => total + multiplyAdds, 0);
  return { share: sum(nodes.filter(({ kernel }) => kernel !== null)) / Math.max(1, sum(nodes)), nodes };
}

/** True when convolutions do most of the multiply-adds. */
export function isConvolutional(context: Context): boolean {
  const { nodes } = integerShare(planStatic(graphViews(context)));
  const sum = (some: typeof nodes): number => some.reduce((total, { multiplyAdds }) => total + multiplyAdds, 0);
  return sum(nodes.filter(({ op }) => op === 'Conv')) > sum(nodes) / 2;
}

/** The operators that onnxruntime makes of a plan's nodes, in order; multiplications by a factor are gone. */
export function kernelsOf(plan: Plan): string[] {
  return plan.nodes.filter(({ factor }) => factor === undefined).map((candidate) => kernelOf(candidate, plan));
}

/** The operator that onnxruntime makes of an integer node. */
function kernelOf({ node, outputs }: Candidate, { quantized }: Plan): string {
  const { kernel, floatKernel } = staticOperator(node)!;
  return (quantized.has(outputs[0]!) ? kernel : floatKernel) ?? node.opType;
}
