import { PLUGIN_NAME } from '../load.ts';
import type { Hooks } from './host.ts';

type Framework = 'rollup' | 'rolldown' | 'vite' | 'esbuild' | 'farm';

/** Before the bundler's own handling of assets and of files that it cannot parse; 100 is what Farm's plugins have otherwise. */
const FIRST: Record<Framework, object> = { rollup: {}, rolldown: {}, vite: { enforce: 'pre' }, esbuild: {}, farm: { priority: 102 } };

/**
 * A bundler's own plugin object. unplugin makes the same of `quantizePlugin`, but Node takes as long to load it as to load all of this
 * package, which is a fifth of the time of a small build.
 */
export function ownPlugin<T extends object>(hooks: Hooks, framework: Framework): T {
  const { [framework]: own, ...common } = hooks;
  return { name: PLUGIN_NAME, ...FIRST[framework], ...common, ...own } as unknown as T;
}
