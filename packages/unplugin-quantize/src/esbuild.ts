import type { Plugin } from 'esbuild';
import type { Options } from './options.ts';
import { esbuildHooks } from './plugin/emit/esbuild.ts';
import { ownPlugin } from './plugin/emit/own-plugin.ts';
import { PluginState } from './plugin/state.ts';

export default (options: Options = {}): Plugin => ownPlugin(esbuildHooks(new PluginState(options)), 'esbuild');
