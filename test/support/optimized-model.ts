import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { bytesSource, readModel, type Model } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { scopesOf } from '../../packages/unplugin-quantize/src/graph/index.ts';

/** The graph that onnxruntime-node really runs: what its optimizer makes of a model at a level. */
export async function optimizedModel(bytes: Uint8Array, graphOptimizationLevel: 'basic' | 'extended'): Promise<Model> {
  const folder = mkdtempSync(join(tmpdir(), 'optimized-'));
  try {
    const optimizedModelFilePath = join(folder, 'model.onnx');
    const session = await ort.InferenceSession.create(bytes, { graphOptimizationLevel, optimizedModelFilePath, logSeverityLevel: 3 });
    await session.release();
    return readModel(bytesSource(readFileSync(optimizedModelFilePath), 'optimized'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** How often each operator stands in a model, subgraphs included. */
export function countOps(model: Model): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { graph } of scopesOf(model)) for (const { opType } of graph.node) counts[opType] = (counts[opType] ?? 0) + 1;
  return counts;
}
