import type { UnpluginContextMeta } from 'unplugin';
import type { PluginState } from '../state.ts';
import { esbuildHooks } from './esbuild.ts';
import { farmHooks } from './farm.ts';
import type { Hooks } from './host.ts';
import { rollupHooks } from './rollup.ts';
import { viteHooks } from './vite.ts';
import { webpackHooks } from './webpack.ts';

type Framework = UnpluginContextMeta['framework'];

/** The bundlers that this package can work in. */
const HOOKS: Partial<Record<Framework, (state: PluginState) => Hooks>> = {
  rollup: (state) => rollupHooks(state, 'rollup'),
  rolldown: (state) => rollupHooks(state, 'rolldown'),
  vite: viteHooks,
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
