import { isOperator, type Edges, type Use } from '../graph/index.ts';
import { elementCount, type NodeProto } from '../onnx/index.ts';
import { MIN_BLOCK_ELEMENTS } from './blocks/layout.ts';
import type { Context, Weight } from './context.ts';
import { isNamed } from './exclusions.ts';
import { nameMatcher } from './match-names.ts';

/** The largest share of all elements that a weight may have to be kept in 8 bits unasked: the file grows by at most 3 %. */
const SMALL_SHARE = 1 / 32;
/** What may stand between the last product and the output of the model. */
const AFTER_PRODUCT = ['Add', 'Cast', 'Identity', 'Reshape', 'Squeeze', 'Transpose', 'Sigmoid', 'Softmax', 'LogSoftmax'];
const MAX_STEPS = 4;

/**
 * The weights that a 4-bit format keeps in 8 bits: those that the option `mixed` names, or, where it is not given, embeddings and products
 * that give an output of the model, as far as they are small. They matter most and cost least: on a character model of 7.6 million weights
 * 8 bits for the head alone take a third off the divergence of the outputs (Kullback-Leibler, 6.1e-3 to 4.1e-3), for head and embedding
 * together almost half (3.2e-3), and the file grows by 0.4 %; 8 bits for the first layer take off 3 % and add 13 %.
 */
export function eightBitWeights({ options }: Context, weights: readonly Weight[]): ReadonlySet<Weight> {
  if (options.mixed !== undefined) {
    const matches = nameMatcher(options.mixed);
    return new Set(weights.filter((weight) => isNamed(weight, matches)));
  }
  const sizes = weights.map(({ tensor }) => (tensor.dims.length < 2 ? 0 : elementCount(tensor.dims)));
  const limit = sizes.reduce((sum, size) => sum + size, 0) * SMALL_SHARE;
  return new Set(weights.filter((weight, i) => sizes[i]! >= MIN_BLOCK_ELEMENTS && sizes[i]! <= limit && isFirstOrLast(weight)));
}

function isFirstOrLast({ uses, edgesAt }: Weight): boolean {
  return uses.some((use) => isOperator(use.node, 'Gather') || givesOutput(use, edgesAt));
}

/** True when the use is a product, also of the transposed weight, whose result leaves the model. */
function givesOutput({ node, scope }: Use, edgesAt: Weight['edgesAt']): boolean {
  if (isOperator(node, 'MatMul', 'Gemm')) return reachesOutput(node, edgesAt(scope), MAX_STEPS);
  return isOperator(node, 'Transpose') && edgesAt(scope).uses(node.output[0]!).some((use) => isOperator(use.node, 'MatMul') && givesOutput(use, edgesAt));
}

function reachesOutput(node: NodeProto, edges: Edges, steps: number): boolean {
  const name = node.output[0]!;
  if (edges.scope.parent === undefined && edges.outputs.has(name)) return true;
  return steps > 0 && edges.uses(name).some((use) => use.scope === edges.scope && isOperator(use.node, ...AFTER_PRODUCT) && reachesOutput(use.node, edges, steps - 1));
}
