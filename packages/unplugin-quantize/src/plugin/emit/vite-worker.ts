import type { Environment, Plugin } from 'vite';
import type { Arrivals } from '../arrivals.ts';
import type { PluginState } from '../state.ts';
import type { HookContext } from './host.ts';
import { ownPlugin } from './own-plugin.ts';
import { rollupLikeHooks } from './rollup-like.ts';
import { viteBuild } from './vite-build.ts';
import { watchFiles } from './watch-files.ts';

/** Reports of models that the workers of an environment import; its own build forgets them when it begins again. */
export function workerScope({ name }: Environment): string {
  return `workers of ${name}`;
}

/** Vite bundles each Web Worker in a build of its own, with plugins of its own; what it emits joins the page's files. */
export function viteWorkerPlugin(state: PluginState, arrivals: Arrivals): Plugin {
  const build = viteBuild();
  const environmentOf = (context: HookContext): Environment => (context as unknown as { environment: Environment }).environment;
  const hooks = rollupLikeHooks(state, {
    rootRelative: true,
    scope: (context) => workerScope(environmentOf(context)),
    platform: () => 'browser',
    isExternal: () => false,
    watch: (context, _, files) => watchFiles(context, files, arrivals),
    emit: (context, artefact) => build.emit(context, environmentOf(context), artefact),
    hooks: {
      vite: {
        buildStart() {
          build.begin(this.environment);
        },
        resolveFileUrl: build.resolveFileUrl,
      },
    },
  });
  return ownPlugin(hooks, 'vite');
}
