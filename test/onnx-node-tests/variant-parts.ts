import { bytesSource, rawTensor, readModel, type Model } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { inlineTensor } from '../support/build-model.ts';
import type { RunnableTest, Value } from './cases.ts';

/** A model made of a node test, and what is fed to it. */
export interface Variant {
  name: string;
  model: Uint8Array;
  feeds: Record<string, Value>;
}

/** Enough for every format to take a weight. */
export const ENOUGH_ELEMENTS = 8192;

export function parseTest(test: RunnableTest): Model {
  const model = readModel(bytesSource(test.model, test.name));
  // Older versions know no initializer that is not an input too.
  if (model.proto.irVersion < 4n) model.proto.irVersion = 4n;
  return model;
}

/** Turns inputs into initializers with the test's values, and gives what is still to be fed. */
export function fixInputs(model: Model, { inputs }: RunnableTest, names: readonly string[]): Record<string, Value> {
  const graph = model.proto.graph!;
  const fixed = names.filter((name) => inputs[name]?.dtype === 'float32');
  graph.input = graph.input.filter(({ name }) => !fixed.includes(name));
  graph.initializer.push(...fixed.map((name) => inlineTensor(name, rawTensor('float32', inputs[name]!.dims, inputs[name]!.elements as Uint8Array))));
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => !fixed.includes(name)));
}

export function repeated(bytes: Uint8Array, times: number): Uint8Array {
  return new Uint8Array(Buffer.concat(Array.from({ length: times }, () => bytes)));
}

export function product(dims: readonly number[]): number {
  return dims.reduce((a, b) => a * b, 1);
}
