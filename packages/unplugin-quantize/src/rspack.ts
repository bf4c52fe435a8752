import type { Compiler } from '@rspack/core';
import type { Compiler as WebpackCompiler } from 'webpack';
import type { Options } from './options.ts';
import { install } from './plugin/emit/webpack.ts';
import { PluginState } from './plugin/state.ts';

export default (options: Options = {}): { apply(compiler: Compiler): void } => ({ apply: (compiler) => install(new PluginState(options), compiler as unknown as WebpackCompiler) });
