import type { UnpluginContextMeta } from 'unplugin';
import type { PluginState } from '../state.ts';
import type { Host } from './host.ts';
import { rollupHost } from './rollup.ts';
import { viteHost } from './vite.ts';

export type { Host } from './host.ts';

/** The bundlers that this package can work in. */
const HOSTS: Partial<Record<UnpluginContextMeta['framework'], (state: PluginState) => Host>> = {
  rollup: rollupHost,
  vite: viteHost,
};

export function createHost(framework: UnpluginContextMeta['framework'], state: PluginState): Host {
  const create = HOSTS[framework];
  if (create === undefined) throw new Error(`unplugin-quantize has no support for ${framework}.`);
  return create(state);
}
