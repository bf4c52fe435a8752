import * as ort from 'onnxruntime-node';
import { bytesSource, readModel, readPayload, writeModel, type Model } from '../../packages/unplugin-quantize/src/onnx/index.ts';

export type Feeds = Record<string, ort.Tensor>;
export type Outputs = Record<string, { dtype: string; dims: readonly number[]; data: unknown }>;

/** The bytes of a model's file. */
export function bytesOf(model: Model): Uint8Array {
  return readPayload(writeModel(model));
}

/** Reads a model again from what it would be written as. */
export function reread(model: Model): Model {
  return readModel(bytesSource(bytesOf(model), model.name));
}

/**
 * Runs a model once in onnxruntime-node. Optimizations are off unless asked for, so that two graphs are compared node by node
 * and not as what a fusion makes of them.
 */
export async function runModel(model: Model | Uint8Array, feeds: Feeds, graphOptimizationLevel: 'disabled' | 'all' = 'disabled'): Promise<Outputs> {
  const bytes = model instanceof Uint8Array ? model : bytesOf(model);
  const session = await ort.InferenceSession.create(bytes, { graphOptimizationLevel, logSeverityLevel: 3, intraOpNumThreads: 1 });
  try {
    const results = await session.run(feeds);
    // NaN and -0 have to compare as what they are, so the data is kept as it came.
    return Object.fromEntries(Object.entries(results).map(([name, { type, dims, data }]) => [name, { dtype: type, dims, data }]));
  } finally {
    await session.release();
  }
}

/** A float32 feed in [-1, 1) that is the same on every machine (a 32-bit linear congruential generator). */
export function seededFloats(dims: number[], seed = 1): ort.Tensor {
  let state = seed >>> 0;
  const data = Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
  return new ort.Tensor('float32', data, dims);
}

export function longs(dims: number[], data: readonly number[]): ort.Tensor {
  return new ort.Tensor('int64', BigInt64Array.from(data, BigInt), dims);
}
