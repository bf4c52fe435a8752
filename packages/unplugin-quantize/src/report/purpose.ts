import type { ModelReport } from '../types.ts';

/** What an artefact is for: `webgpu with shader-f16`, `wasm, node`; nothing where nobody said it. */
export function purposeOf({ targets = [], needs }: Pick<ModelReport, 'targets' | 'needs'>): string {
  return needs === undefined ? targets.join(', ') : `${targets.join(', ')} with ${needs}`;
}
