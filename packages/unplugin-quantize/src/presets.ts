import type { ModelOptions } from './options.ts';

/** The name of a set of options. */
export type Preset = 'balanced' | 'smallest' | 'fastest' | 'most-accurate';

interface PresetRow {
  /** One line for the README. */
  help: string;
  /** What it sets, for every target: none that it leaves out, none that needs samples, and no limit that fails a build. */
  options: Omit<ModelOptions, 'preset'>;
}

/**
 * What the presets mean. Measured: integers are the fastest on CPUs, also for decoders, which 4-bit blocks make two to three times slower there;
 * 4-bit storage is the smallest file of all formats, and packed 4-bit weights take the least memory in Node; half-precision weights
 * with float32 arithmetic are nearest to the source on every backend.
 */
export const PRESETS: Record<Preset, PresetRow> = {
  'balanced': {
    help: 'a small and fast file for each kind of model',
    options: { format: 'auto' },
  },
  'smallest': {
    help: 'the least download, and in Node the least memory; 4 bits cost some models accuracy, so measure',
    options: { format: { 'webgpu': 'int4-storage', 'wasm': 'int4-storage', 'node': 'int4', 'node-cuda': 'int4' } },
  },
  'fastest': {
    help: 'the shortest runs, at a quarter of the size or half',
    options: { format: { 'webgpu': 'auto', 'wasm': 'auto', 'node': 'int8', 'node-cuda': 'auto' } },
  },
  'most-accurate': {
    help: 'answers nearest to the source\'s, at half of its size',
    options: { format: 'fp16-storage' },
  },
};

/** What the last of the layers that name a preset gets from it; undefined where none does. Its options belong right in front of that layer. */
export function presetOf(layers: readonly ModelOptions[]): { at: number; name: Preset; options: ModelOptions } | undefined {
  const at = layers.findLastIndex(({ preset }) => preset !== undefined);
  const name = layers[at]?.preset;
  return name && { at, name, options: PRESETS[name].options };
}
