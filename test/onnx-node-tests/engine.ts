import * as ort from 'onnxruntime-node';
import { float16ToFloat32 } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import type { Value } from './cases.ts';

/** A numeric output as float64, or text for the others. */
export interface Output {
  dtype: string;
  dims: readonly number[];
  numbers: Float64Array;
}

export type RunResult = { outputs: Record<string, Output> } | { failure: string };

const OPTIONS: ort.InferenceSession.SessionOptions = { graphOptimizationLevel: 'basic', logSeverityLevel: 4, intraOpNumThreads: 1, interOpNumThreads: 1 };

const ARRAYS = {
  float32: Float32Array, float64: Float64Array, float16: Uint16Array, bool: Uint8Array,
  int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array,
  int32: Int32Array, uint32: Uint32Array, int64: BigInt64Array, uint64: BigUint64Array,
} as const;

/** Creates a session and runs it once. What the engine refuses comes back as its message. */
export async function runOnce(model: Uint8Array, feeds: Record<string, Value>): Promise<RunResult> {
  let session: ort.InferenceSession | undefined;
  try {
    session = await ort.InferenceSession.create(model, OPTIONS);
    const results = await session.run(Object.fromEntries(Object.entries(feeds).map(([name, value]) => [name, tensorOf(value)])));
    return { outputs: Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, outputOf(tensor)])) };
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  } finally {
    await session?.release();
  }
}

function tensorOf({ dtype, dims, elements }: Value): ort.Tensor {
  if (Array.isArray(elements)) return new ort.Tensor('string', elements, dims);
  return new ort.Tensor(dtype as 'float32', viewOf(dtype, elements) as Float32Array, dims);
}

function viewOf(dtype: string, bytes: Uint8Array): InstanceType<(typeof ARRAYS)[keyof typeof ARRAYS]> {
  const Elements = ARRAYS[dtype as keyof typeof ARRAYS];
  return new Elements(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength / Elements.BYTES_PER_ELEMENT);
}

function outputOf({ type, dims, data }: ort.Tensor): Output {
  return { dtype: type, dims, numbers: numbersOf(type, data as ArrayLike<number | bigint | string>) };
}

/** The elements of a value as float64. */
export function valueNumbers({ dtype, elements }: Value): Float64Array {
  return Array.isArray(elements) ? numbersOf('string', elements) : numbersOf(dtype, viewOf(dtype, elements) as ArrayLike<number | bigint>);
}

function numbersOf(dtype: string, data: ArrayLike<number | bigint | string>): Float64Array {
  if (dtype === 'float16' && data instanceof Uint16Array) {
    const floats = new Float32Array(data.length);
    float16ToFloat32(data, floats);
    return Float64Array.from(floats);
  }
  // Strings take part by a number made of them, so that one comparison serves all.
  return Float64Array.from(data as ArrayLike<number>, (item: number | bigint | string) => (typeof item === 'string' ? textNumber(item) : Number(item)));
}

function textNumber(text: string): number {
  return [...text].reduce((sum, char) => (sum * 31 + char.codePointAt(0)!) % 2 ** 40, text.length);
}
