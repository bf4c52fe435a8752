import type { EngineName, Target } from '../types.ts';
import type { FoundEngines } from './find-engines.ts';

/** The engine that comes nearest to a target at build time, and what it does not tell. */
export const TARGET_ENGINES: Record<Target, { engine: EngineName; note?: string }> = {
  'webgpu': { engine: 'onnxruntime-web', note: 'Run in WebAssembly: there is no WebGPU at build time.' },
  'wasm': { engine: 'onnxruntime-web' },
  'node': { engine: 'onnxruntime-node' },
  'node-cuda': { engine: 'onnxruntime-node', note: 'Run on the CPU: CUDA was not tried.' },
};

/**
 * Only the engines that targets need. Where none of them is there, those that are: an artefact that runs in one engine mostly runs in the
 * other.
 */
export function enginesFor(found: FoundEngines, targets: readonly Target[]): FoundEngines {
  if (targets.length === 0) return found;
  const needed = new Set(targets.map((target) => TARGET_ENGINES[target].engine));
  const engines = found.engines.filter(({ name }) => needed.has(name));
  return { engines: engines.length > 0 ? engines : found.engines, missing: found.missing.filter(({ engine }) => needed.has(engine)) };
}

/** What running in an engine does not tell of the targets that it stands for. */
export function engineNote(engine: EngineName, targets: readonly Target[]): string | undefined {
  const notes = targets.flatMap((target) => (TARGET_ENGINES[target].engine === engine ? [TARGET_ENGINES[target].note] : []));
  return notes.length > 0 && notes.every((note) => note !== undefined) ? notes[0] : undefined;
}
