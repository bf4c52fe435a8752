import type { UnpluginFactory } from 'unplugin';
import type { Options } from './options.ts';
import { createHost } from './plugin/emit/index.ts';
import { NATIVE_PACKAGE } from './plugin/emit/host.ts';
import { loadModel, PLUGIN_NAME } from './plugin/load.ts';
import { REQUEST_ID } from './plugin/request.ts';
import { resolveRequest } from './plugin/resolve-id.ts';
import { PluginState } from './plugin/state.ts';

export { QuantizeError, type ErrorCode } from './errors.ts';
export type { ModelOptions, Options } from './options.ts';
export type { Budget, Format, ModelReport, ModelVariant, QuantizedModel, Target } from './types.ts';

/** The plugin for every bundler; `unplugin-quantize/vite` and its neighbours make a bundler's own plugin of it. */
export const quantizePlugin: UnpluginFactory<Options | undefined, false> = (options = {}, { framework }) => {
  const state = new PluginState(options);
  const host = createHost(framework, state);
  return {
    name: PLUGIN_NAME,
    // Before the bundler's own handling of assets and of files that it cannot parse.
    enforce: 'pre',
    resolveId: {
      filter: { id: new RegExp(`${REQUEST_ID.source}|^${NATIVE_PACKAGE}$`) },
      handler(specifier, importer) {
        if (host.isExternal(this, specifier)) return { id: specifier, external: true };
        return resolveRequest(state, host, this, specifier, importer);
      },
    },
    load: {
      filter: { id: REQUEST_ID },
      handler(id) {
        return loadModel(state, host, this, id);
      },
    },
    ...host.hooks,
  };
};
