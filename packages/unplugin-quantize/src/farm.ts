import type { JsPlugin } from '@farmfe/core';
import type { Options } from './options.ts';
import { farmHooks } from './plugin/emit/farm.ts';
import { ownPlugin } from './plugin/emit/own-plugin.ts';
import { PluginState } from './plugin/state.ts';

export default (options: Options = {}): JsPlugin => ownPlugin(farmHooks(new PluginState(options)), 'farm');
