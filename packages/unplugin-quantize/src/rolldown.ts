import type { Plugin } from 'rolldown';
import type { Options } from './options.ts';
import { ownPlugin } from './plugin/emit/own-plugin.ts';
import { rollupHooks } from './plugin/emit/rollup.ts';
import { PluginState } from './plugin/state.ts';

export default (options: Options = {}): Plugin => ownPlugin(rollupHooks(new PluginState(options), 'rolldown'), 'rolldown');
