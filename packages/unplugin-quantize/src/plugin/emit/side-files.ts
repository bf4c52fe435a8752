import { PRECOMPRESSED, sideFiles } from '../precompress.ts';
import type { PluginState } from '../state.ts';

/** As much of a bundle as is looked at; the same in Rollup, Rolldown and Vite. */
type Bundle = Record<string, { type: 'chunk' } | { type: 'asset'; source: string | Uint8Array }>;

interface Emitter {
  emitFile(file: { type: 'asset'; fileName: string; source: Uint8Array }): string;
}

/** Emits compressed files beside the models and .wasm files of a bundle. */
export async function emitSideFiles(state: PluginState, context: Emitter, bundle: Bundle): Promise<void> {
  if (state.precompress.length === 0) return;
  for (const [name, file] of Object.entries(bundle)) {
    if (file.type !== 'asset' || !PRECOMPRESSED.test(name)) continue;
    for (const { name: fileName, bytes } of await sideFiles(state, name, Buffer.from(file.source))) context.emitFile({ type: 'asset', fileName, source: bytes });
  }
}
