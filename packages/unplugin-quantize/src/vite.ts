import type { Plugin } from 'vite';
import type { Options } from './options.ts';
import { ownPlugin } from './plugin/emit/own-plugin.ts';
import { viteHooks } from './plugin/emit/vite.ts';
import { PluginState } from './plugin/state.ts';

export default (options: Options = {}): Plugin => ownPlugin(viteHooks(new PluginState(options)), 'vite');
