import { forgetTypes, indexEdges } from '../../graph/index.ts';
import { dropDeadNodes } from '../../graph/passes/drop-dead-nodes.ts';
import { decide, type Context } from '../context.ts';
import { mainGraph, type MainGraph } from './candidates.ts';
import { ACTIVATION_TYPES, chooseParameters } from './parameters.ts';
import { planStatic, type Plan } from './plan.ts';
import { quantizeProducts } from './products.ts';
import { rewriteGraph } from './rewrite.ts';
import { integerShare, nestedProducts } from './work.ts';

export { observeActivations } from './observe.ts';
export { prepareStatic } from './prepare.ts';
export { chooseForInt8 } from './choose.ts';
export type { Observed, Statistics, Tap, TensorStatistics } from './statistics.ts';

/**
 * Computes products, and what is between them, in 8-bit integers whose scales are fixed by what samples told (`context.statistics`). The
 * model has to be prepared (`prepareStatic`). Nodes in subgraphs stay as they are.
 *
 * @throws QuantizeError SAMPLES_INVALID when a value that has to be quantized has no usable range
 */
export function computeStatically(context: Context): void {
  const main = mainGraph(context);
  const plan = planStatic(main);
  if (plan.nodes.length === 0) {
    context.notes.push('No integer arithmetic: the model has no product with a constant weight that may be changed.');
    return;
  }
  const nested = nestedProducts(main).length;
  if (nested > 0) context.notes.push(`${nested} products in subgraphs of If, Loop or Scan stay float32, because what they read cannot be observed; their weights are stored small.`);
  context.told.integerShare = integerShare(main, plan);
  const parameters = chooseParameters(main, plan, ACTIVATION_TYPES[context.options.activations]);
  const products = quantizeProducts(main, plan, parameters);
  rewriteGraph(main, plan, parameters, products);
  dropDeadNodes(context.model);
  decideConstants(main, plan);
  forgetTypes(context.model);
}

/** Decides about the constants that nothing reads any more: biases are int32 now, operands 8-bit integers, limits and factors are gone. */
function decideConstants({ context, weights }: MainGraph, plan: Plan): void {
  const [edges] = indexEdges(context.model);
  const operands = new Set(plan.nodes.flatMap(({ constants }) => constants));
  const biases = new Set(plan.nodes.flatMap(({ weight, node }) => (weight?.bias === undefined ? [] : [node])));
  for (const [name, weight] of weights) {
    if (context.decisions.has(weight.proto) || weight.uses.length === 0 || edges!.uses(name).length > 0 || edges!.outputs.has(name)) continue;
    const isBias = weight.uses.some(({ node, index }) => index === 2 && biases.has(node));
    decide(context, weight, 'int8-static', operands.has(name) ? weight.tensor.byteLength / 4 : isBias ? weight.tensor.byteLength : 0);
  }
}
