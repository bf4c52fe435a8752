import { constantOf, isOperator, nodeLabel } from '../../graph/index.ts';
import { dtypeOf, elementCount, type NodeProto } from '../../onnx/index.ts';
import type { IntegerShare } from '../../types.ts';
import type { Context } from '../context.ts';
import { boundAfter } from './bounds.ts';
import { mainGraph, type Candidate, type MainGraph } from './candidates.ts';
import { staticOperator } from './operators.ts';
import { planStatic, type Plan } from './plan.ts';

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
export function workTaps(main: MainGraph, tapped: { has(name: string): boolean }): string[] {
  return productsOf(main).map(({ value }) => value).filter((value) => !tapped.has(behindBounds(main, value)));
}

/** How many elements a value has in one run; undefined where samples did not tell. A Relu or Clip behind it has as many. */
export function elementsOf(main: MainGraph, value: string): number | undefined {
  const { statistics } = main.context;
  return (statistics.get(value) ?? statistics.get(behindBounds(main, value)))?.elements;
}

function behindBounds({ context, edges, all }: MainGraph, name: string): string {
  let value = name;
  for (let bound = boundAfter(value, edges, all, context.model); bound !== undefined; bound = boundAfter(value, edges, all, context.model)) value = bound.node.output[0]!;
  return value;
}

export function productsOf({ edges, weights, floats }: MainGraph): Product[] {
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

/** Products with constant weights in bodies of If, Loop and Scan, and the elements of their weights. */
export function nestedProducts({ all }: MainGraph): { path: string; node: NodeProto; count: number }[] {
  return all.slice(1).flatMap(({ scope }) => scope.graph.node.flatMap((node) => {
    const weight = isOperator(node, 'Conv', 'ConvTranspose', 'MatMul', 'Gemm') ? constantOf(node.input[1] ?? '', scope, all) : undefined;
    return weight === undefined || dtypeOf(weight.dataType) !== 'float32' ? [] : [{ path: scope.path, node, count: elementCount(weight.dims.map(Number)) }];
  }));
}

/**
 * The share of multiply-adds of products with constant weights that integer kernels do, node by node. Where samples told no sizes, each weight
 * counts as used once; so do those in bodies of If, Loop and Scan, whose runs nobody counts.
 */
export function integerShare(main: MainGraph, plan: Plan): IntegerShare {
  const integer = new Map(plan.nodes.map((candidate) => [candidate.node, candidate]));
  const products = productsOf(main);
  const counts = products.map(({ value }) => elementsOf(main, value));
  const isKnown = counts.every((found) => found !== undefined);
  const nodes = products.map(({ node, perElement, count }, i) => {
    const candidate = integer.get(node);
    const multiplyAdds = isKnown ? Math.round(counts[i]! * perElement) : count;
    return { node: nodeLabel(node), op: node.opType, kernel: candidate === undefined ? null : kernelOf(candidate, plan), multiplyAdds };
  });
  nodes.push(...nestedProducts(main).map(({ path, node, count }) => ({ node: path + nodeLabel(node), op: node.opType, kernel: null, multiplyAdds: count })));
  const sum = (some: typeof nodes): number => some.reduce((total, { multiplyAdds }) => total + multiplyAdds, 0);
  return { share: sum(nodes.filter(({ kernel }) => kernel !== null)) / Math.max(1, sum(nodes)), nodes };
}

/** True when convolutions do most of the multiply-adds. */
export function isConvolutional(context: Context): boolean {
  const main = mainGraph(context);
  const { nodes } = integerShare(main, planStatic(main));
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
