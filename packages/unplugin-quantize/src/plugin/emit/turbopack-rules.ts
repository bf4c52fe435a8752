import type { Options } from '../../options.ts';
import type { Platform } from '../platform.ts';
import { makeSlots } from './turbopack-slots.ts';

export interface TurbopackRule {
  condition: { all: ['browser' | 'node', { query: RegExp }] };
  loaders: { loader: string; options: Record<string, never> }[];
  as: string;
}

const PLATFORMS: readonly Platform[] = ['browser', 'node'];

/**
 * Rules of Turbopack's for models, of which Next makes those of its builds and dev servers.
 *
 * @param options as JSON has them: Turbopack hands them to processes of its own
 * @param project folder of the app
 */
export function turbopackRules(options: Options = {}, project: string = process.cwd()): { '*.onnx': TurbopackRule[] } {
  makeSlots(project);
  return {
    '*.onnx': PLATFORMS.map((platform) => ({
      condition: { all: [platform, { query: /[?&]quantize/ }] },
      loaders: [{ loader: 'unplugin-quantize/webpack-loader', options: { ...options, platform } as unknown as Record<string, never> }],
      as: '*.js',
    })),
  };
}
