import { readFileSync } from 'node:fs';
import type { PluginContext } from 'rollup';
import type { Artefact } from './host.ts';

/** Emits each artefact once a build through the emitFile of Rollup, Rolldown or Vite, and remembers the references. */
export interface AssetEmitter {
  /** Forgets what an earlier build of the scope emitted. */
  begin(scope: string): void;
  /** @returns the reference id */
  emit(context: Pick<PluginContext, 'emitFile'>, scope: string, artefact: Artefact): string;
  /** Everything emitted in the scope by reference id. */
  emitted(scope: string): ReadonlyMap<string, Artefact>;
}

export function createAssetEmitter(): AssetEmitter {
  const references = new Map<string, Map<string, string>>();
  const artefacts = new Map<string, Map<string, Artefact>>();

  function begin(scope: string): void {
    references.set(scope, new Map());
    artefacts.set(scope, new Map());
  }

  function emit(context: Pick<PluginContext, 'emitFile'>, scope: string, artefact: Artefact): string {
    if (!references.has(scope)) begin(scope);
    const known = references.get(scope)!;
    const key = `${artefact.sha256} ${artefact.fileName}`;
    const reference = known.get(key) ?? emitOnce(context, scope, artefact);
    known.set(key, reference);
    return reference;
  }

  function emitOnce(context: Pick<PluginContext, 'emitFile'>, scope: string, artefact: Artefact): string {
    // Node's readFile takes more than twice as long for many megabytes: it reads pieces and joins them.
    const source = readFileSync(artefact.file);
    const reference = context.emitFile({ type: 'asset', name: artefact.fileName, source });
    artefacts.get(scope)!.set(reference, artefact);
    return reference;
  }

  return { begin, emit, emitted: (scope) => artefacts.get(scope) ?? new Map() };
}
