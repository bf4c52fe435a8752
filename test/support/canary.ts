import { readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import * as ort from 'onnxruntime-node';
import type { Canary, CanaryTolerance, ModelVariant, QuantizedModel } from '../../packages/unplugin-quantize/src/types.ts';

/** Outputs longer than this keep every so many elements only. */
const KEPT = 256;

/** A canary of a model on inputs: what onnxruntime-node on the CPU makes of them. */
export async function makeCanary(model: string, feeds: Record<string, ort.Tensor>): Promise<Canary> {
  const session = await ort.InferenceSession.create(model);
  const results = await session.run(feeds);
  const outputs = Object.entries(results).map(([name, { dims, data }]) => {
    const values = Float32Array.from(data as ArrayLike<number>);
    const step = Math.max(1, Math.ceil(values.length / KEPT));
    const kept = values.filter((_, i) => i % step === 0);
    return [name, { dims: [...dims], step, data: base64(kept) }];
  });
  await session.release();
  const inputs = Object.entries(feeds).map(([name, { type, dims, data }]) => [name, { dtype: type, dims: [...dims], data: base64(data as Float32Array) }]);
  return { inputs: Object.fromEntries(inputs) as Canary['inputs'], outputs: Object.fromEntries(outputs) as Canary['outputs'] };
}

function base64({ buffer, byteOffset, byteLength }: ArrayBufferView): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

/** One tolerance for all outputs. */
export function tolerances(canary: Canary, tolerance: CanaryTolerance): Record<string, CanaryTolerance> {
  return Object.fromEntries(Object.keys(canary.outputs).map((name) => [name, tolerance]));
}

/** Size and hash of a file, and where it is served. */
export function variantOf(file: string, url: string, more: Partial<ModelVariant> = {}): ModelVariant {
  const bytes = readFileSync(file);
  return {
    target: 'wasm',
    format: 'none',
    url,
    bytes: bytes.length,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    minOnnxruntime: '1.17.0',
    sessionOptions: {},
    ...more,
  };
}

/** What a model import would give. */
export function quantizedModel(name: string, variants: ModelVariant[], canary: Canary | null = null): QuantizedModel {
  return {
    name,
    hash: variants[0]?.sha256 ?? '',
    source: { bytes: variants[0]?.bytes ?? 0, hash: '' },
    inputs: [],
    outputs: [],
    canary,
    variants,
    report: { format: 'none', ratio: 1, cosine: null },
  };
}
