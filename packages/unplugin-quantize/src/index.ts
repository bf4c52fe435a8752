import type { UnpluginFactory } from 'unplugin';
import type { Options } from './options.ts';
import { createHooks } from './plugin/emit/index.ts';
import { PLUGIN_NAME } from './plugin/load.ts';
import { PluginState } from './plugin/state.ts';

export type { ArraySamples, AudioSamples, CalibrationSpec, ImageSamples, InputValue, ModuleSamples, TextSamples } from './calibration.ts';
export { QuantizeError, type ErrorCode } from './errors.ts';
export type { ModelOptions, ModelRule, Options } from './options.ts';
export type { Budget, Format, ModelReport, ModelVariant, QuantizedModel, Target } from './types.ts';

/** The plugin for every bundler; `unplugin-quantize/vite` and its neighbours make a bundler's own plugin of it. */
export const quantizePlugin: UnpluginFactory<Options | undefined, false> = (options = {}, { framework }) => ({
  name: PLUGIN_NAME,
  // Before the bundler's own handling of assets and of files that it cannot parse.
  enforce: 'pre',
  ...createHooks(framework, new PluginState(options)),
});
