import type { UnpluginContextMeta } from 'unplugin';
import type { PluginState } from '../state.ts';
import { esbuildHooks } from './esbuild.ts';
import { farmHooks } from './farm.ts';
import type { Hooks } from './host.ts';
import { rollupHost } from './rollup.ts';
import { rollupLikeHooks } from './rollup-like.ts';
import { viteHost } from './vite.ts';
import { webpackHooks } from './webpack.ts';

type Framework = UnpluginContextMeta['framework'];

/** The bundlers that this package can work in. */
const HOOKS: Partial<Record<Framework, (state: PluginState) => Hooks>> = {
  rollup: (state) => rollupLikeHooks(state, rollupHost(state, 'rollup')),
  rolldown: (state) => rollupLikeHooks(state, rollupHost(state, 'rolldown')),
  vite: (state) => rollupLikeHooks(state, viteHost(state)),
  webpack: webpackHooks,
  rspack: webpackHooks,
  esbuild: esbuildHooks,
  farm: farmHooks,
};

export function createHooks(framework: Framework, state: PluginState): Hooks {
  const create = HOOKS[framework];
  if (create === undefined) throw new Error(`unplugin-quantize has no support for ${framework}.`);
  return create(state);
}
