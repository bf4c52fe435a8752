import { makeNode } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { buildBytes, floats } from './build-model.ts';

/** A model of one product, [1, 64] to [1, 64], whose weights differ with the seed. */
export function tinyModel(seed: number, width = 64): Uint8Array {
  const weights = floats([width, width], Array.from({ length: width * width }, (_, i) => Math.sin((i + 1) * (seed + 1))));
  return buildBytes({ nodes: [makeNode('MatMul', ['x', 'w'], ['y'])], initializers: { w: weights }, inputs: { x: `float32[1,${width}]` }, outputs: { y: `float32[1,${width}]` } });
}
