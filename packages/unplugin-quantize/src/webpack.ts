import type { Compiler } from 'webpack';
import type { Options } from './options.ts';
import { install } from './plugin/emit/webpack.ts';
import { PluginState } from './plugin/state.ts';

export default (options: Options = {}): { apply(compiler: Compiler): void } => ({ apply: (compiler) => install(new PluginState(options), compiler) });
