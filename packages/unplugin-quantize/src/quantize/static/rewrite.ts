import { constantOf } from '../../graph/index.ts';
import { tensorOf, type NodeProto } from '../../onnx/index.ts';
import type { Builder } from './builder.ts';
import { isOuter, valueKey, type GraphView } from './views.ts';
import { guardFloats } from './guard-floats.ts';
import { quantizedConstant } from './quantized-constant.ts';
import { ACTIVATION_TYPES, type Parameters } from './parameters.ts';
import type { Plan } from './plan.ts';
import { productNodes, type Parametrized, type Products } from './products.ts';

/**
 * Puts QuantizeLinear and DequantizeLinear where onnxruntime fuses them with the nodes between, in place:
 *
 *     a value of an integer node:  node -> r, Q(r) -> q, DQ(q) -> the value's name, so that readers of any kind stay as they are
 *     a value of a float node:     Q(value) -> q, DQ(q) -> d, which only integer nodes read
 *
 *     a value of a graph around:  DQ(q) -> d where it has an integer form there, else as of a float node
 *
 * Relu and Clip behind integer nodes are gone, multiplications by a constant live in the scale of a DequantizeLinear.
 *
 * @param forms integer forms by the key of the value (`valueKey`), to which those of this graph are added; graphs around come first
 */
export function rewriteGraph({ view, plan, parameters }: Parametrized, products: Products, build: Builder, forms: Map<string, string>): void {
  const { context, edges } = view;
  const graph = edges.scope.graph;
  const integer = new Map(plan.nodes.map((candidate) => [candidate.node, candidate]));
  const absorbed = new Set(plan.nodes.flatMap(({ bounds, outputs }) => (plan.quantized.has(outputs[0]!) ? bounds.map(({ node }) => node) : [])));
  /** Integer forms of values, and what integer nodes read in their place. */
  const quantized = new Map<string, string>();
  const readings = new Map<string, string>();
  const nodes: NodeProto[] = [];

  const quantizeFloat = (name: string): void => {
    if (!plan.quantized.has(name) || integerProducer(plan, name)) return;
    const outer = isOuter(view, name) ? forms.get(valueKey(view, name)) : undefined;
    const [q, d] = [outer ?? build.fresh(`${name}_q`), build.fresh(`${name}_d`)];
    quantized.set(name, q);
    readings.set(name, d);
    if (outer === undefined) nodes.push(build.quantize(name, q, parameters.get(name)!));
    nodes.push(build.dequantize(q, d, parameters.get(name)!));
  };
  const reading = (name: string): string => readings.get(name) ?? name;

  for (const name of plan.quantized) if (isOuter(view, name)) quantizeFloat(name);
  for (const { name } of graph.input) quantizeFloat(name);
  for (const node of graph.node) {
    if (absorbed.has(node)) continue;
    const candidate = integer.get(node);
    if (candidate === undefined) {
      nodes.push(node);
      for (const name of node.output) quantizeFloat(name);
      continue;
    }
    if (candidate.factor !== undefined) {
      const [from, to] = [candidate.activations[0]!, candidate.outputs[0]!];
      quantized.set(to, quantized.get(from)!);
      nodes.push(build.dequantize(quantized.get(from)!, to, parameters.get(to)!));
      continue;
    }
    for (const name of candidate.constants) nodes.push(...constantNodes(view, build, name, parameters.get(name)!, readings));
    nodes.push(...productNodes(products, build, candidate));
    node.input = node.input.map((name) => (candidate.activations.includes(name) || candidate.constants.includes(name) ? reading(name) : name));
    nodes.push(node);
    const given = new Map<string, string>();
    node.output = node.output.map((name, index) => {
      const value = candidate.outputs[index] ?? '';
      if (name === '' || !plan.quantized.has(value)) return name;
      const raw = build.fresh(`${value}_r`);
      given.set(raw, value);
      return raw;
    });
    for (const [raw, value] of given) {
      const q = build.fresh(`${value}_q`);
      quantized.set(value, q);
      nodes.push(build.quantize(raw, q, parameters.get(value)!), build.dequantize(q, value, parameters.get(value)!));
    }
  }
  graph.node = nodes;
  guardFloats(context.model, graph, build);
  for (const [name, q] of quantized) if (!isOuter(view, name)) forms.set(valueKey(view, name), q);
}

function integerProducer({ producers }: Plan, name: string): boolean {
  return producers.has(name);
}

function constantNodes(view: GraphView, build: Builder, name: string, parameters: Parameters, readings: Map<string, string>): NodeProto[] {
  if (readings.has(name)) return [];
  const tensor = tensorOf(view.context.model, constantOf(name, view.edges.scope, view.all)!);
  const q = build.constant(`${name}_q`, quantizedConstant(tensor, parameters, ACTIVATION_TYPES[view.context.options.activations]));
  const d = build.fresh(`${name}_d`);
  readings.set(name, d);
  return [build.dequantize(q, d, parameters)];
}
