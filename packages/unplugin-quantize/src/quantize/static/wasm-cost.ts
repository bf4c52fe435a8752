import { isDepthwise } from './operators.ts';
import type { Planned } from './plan.ts';
import { elementsOf, productsOf } from './work.ts';

/**
 * Milliseconds on one thread of onnxruntime-web 1.30, measured layer by layer: a million multiply-adds of products and of depthwise
 * convolutions, a thousand elements of the others. Only their proportions matter.
 */
const COSTS = {
  float: { product: 0.075, depthwise: 0.54, elementwise: 0.0002 },
  integer: { product: 0.024, depthwise: 1.2, elementwise: 0.001, requantized: 0.0034 },
  quantize: 0.0005,
  dequantize: 0.0003,
};

/**
 * How long a plan of the main graph takes in WebAssembly, as a share of the time that its nodes take in float32. Integer products are three times as fast there,
 * but depthwise convolutions half as fast, so that small networks of many channels lose.
 *
 * @returns undefined where samples told no sizes, or no product is in the main graph: how often bodies run is not known
 */
export function wasmRatio({ view, plan }: Planned): number | undefined {
  const elements = (name: string): number => elementsOf(view, name) ?? 0;
  const products = productsOf(view);
  if (products.length === 0 || products.some(({ value }) => elements(value) === 0)) return undefined;
  const integer = new Set(plan.nodes.map(({ node }) => node));
  let [before, after] = [0, 0];
  for (const { node, value, perElement } of products) {
    const work = (elements(value) * perElement) / 1e6;
    const kind = isDepthwise(node) ? 'depthwise' : 'product';
    before += COSTS.float[kind] * work;
    if (!integer.has(node)) after += COSTS.float[kind] * work;
    else after += COSTS.integer[kind] * work + (kind === 'product' ? COSTS.integer.requantized * thousands(elements(node.output[0]!) || elements(value)) : 0);
  }
  for (const { role, outputs, bounds, factor } of plan.nodes) {
    const count = thousands(elements(outputs[0]!));
    before += COSTS.float.elementwise * count * (bounds.length + (role === 'arithmetic' || factor !== undefined ? 1 : 0));
    if (role === 'arithmetic') after += COSTS.integer.elementwise * count;
  }
  for (const name of plan.quantized) {
    if (!plan.producers.has(name)) after += COSTS.quantize * thousands(elements(name));
    else if (view.edges.uses(name).some(({ node }) => !integer.has(node))) after += COSTS.dequantize * thousands(elements(name));
  }
  return after / before;
}

function thousands(count: number): number {
  return count / 1000;
}
