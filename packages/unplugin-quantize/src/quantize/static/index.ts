import { forgetTypes, indexEdges, isHandedOut } from '../../graph/index.ts';
import { dropDeadNodes } from '../../graph/passes/drop-dead-nodes.ts';
import type { GraphProto } from '../../onnx/index.ts';
import { decide, type Context } from '../context.ts';
import { createBuilder, type Builder } from './builder.ts';
import { ACTIVATION_TYPES, chooseParameters, type ActivationType, type Parameters } from './parameters.ts';
import { planStatic, type Planned } from './plan.ts';
import { quantizeProducts, type Parametrized } from './products.ts';
import { rewriteGraph } from './rewrite.ts';
import { graphViews, isOuter, valueKey } from './views.ts';
import { integerShare, nestedProducts } from './work.ts';

export { observeActivations } from './observe.ts';
export { prepareStatic } from './prepare.ts';
export { chooseForInt8 } from './choose.ts';
export type { Observed, Statistics, Tap, TensorStatistics } from './statistics.ts';

/**
 * Computes products, and what is between them, in 8-bit integers whose scales are fixed by what samples told (`context.statistics`), in the main
 * graph and in bodies of If, Loop and Scan. The model has to be prepared (`prepareStatic`).
 *
 * @throws QuantizeError SAMPLES_INVALID when a value that has to be quantized has no usable range
 */
export function computeStatically(context: Context): void {
  const planned = planStatic(graphViews(context));
  noteBodies(context, planned);
  if (planned.every(({ plan }) => plan.nodes.length === 0)) {
    context.notes.push('No integer arithmetic: the model has no product with a constant weight that may be changed.');
    return;
  }
  context.told.integerShare = integerShare(planned);
  const type = ACTIVATION_TYPES[context.options.activations];
  const builders = new Map<GraphProto, Builder>();
  const builderOf = (graph: GraphProto): Builder => {
    const build = builders.get(graph) ?? createBuilder(context, graph, type);
    builders.set(graph, build);
    return build;
  };
  const graphs = parametrized(planned, type);
  const weights = quantizeProducts(context, graphs, builderOf);
  const forms = new Map<string, string>();
  for (const graph of graphs) {
    const { view, parameters } = graph;
    rewriteGraph(graph, { view, parameters, weights, made: new Map() }, builderOf(view.edges.scope.graph), forms);
  }
  dropDeadNodes(context.model);
  decideConstants(context, planned);
  forgetTypes(context.model);
}

/** Values keep their parameters in graphs below. */
function parametrized(planned: readonly Planned[], type: ActivationType): Parametrized[] {
  const known = new Map<string, Parameters>();
  return planned.map(({ view, plan }) => {
    const parameters = chooseParameters({ view, plan }, type, known);
    for (const name of plan.quantized) if (!isOuter(view, name)) known.set(valueKey(view, name), parameters.get(name)!);
    return { view, plan, parameters };
  });
}

function noteBodies({ notes }: Context, planned: readonly Planned[]): void {
  const integer = new Set(planned.flatMap(({ plan }) => plan.nodes.map(({ node }) => node)));
  const floats = nestedProducts(planned[0]!.view.all).filter(({ node }) => !integer.has(node)).length;
  if (floats === 1) notes.push('One product in a subgraph stays float32: it was excluded, no sample came to it, or it has no integer form. Its weight is stored small.');
  if (floats > 1) notes.push(`${floats} products in subgraphs stay float32: they were excluded, no sample came to them, or they have no integer form. Their weights are stored small.`);
}

/** Decides about the constants that nothing reads any more: biases are int32 now, operands 8-bit integers, limits and factors are gone. */
function decideConstants(context: Context, planned: readonly Planned[]): void {
  const all = indexEdges(context.model);
  const nodes = planned.flatMap(({ plan }) => plan.nodes);
  const operands = new Set(planned.flatMap(({ view, plan }) => plan.nodes.flatMap(({ constants }) => constants.map((name) => view.weights.get(name)?.proto))));
  const biases = new Set(nodes.flatMap(({ weight, node }) => (weight?.bias === undefined ? [] : [node])));
  for (const weight of new Map(planned.flatMap(({ view }) => [...view.weights.values()].map((each) => [each.proto, each]))).values()) {
    const edges = all.find(({ scope }) => scope.graph === weight.edges.scope.graph);
    const { proto, uses, tensor } = weight;
    if (context.decisions.has(proto) || uses.length === 0 || edges === undefined || edges.uses(proto.name).length > 0 || isHandedOut(proto.name, edges)) continue;
    const isBias = uses.some(({ node, index }) => index === 2 && biases.has(node));
    decide(context, weight, 'int8-static', operands.has(proto) ? tensor.byteLength / 4 : isBias ? tensor.byteLength : 0);
  }
}
