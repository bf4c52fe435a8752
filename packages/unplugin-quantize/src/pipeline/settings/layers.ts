import { QuantizeError } from '../../errors.ts';
import { MODEL_OPTIONS, presetOf, resolveModelOptions, type ModelOptions, type ResolvedModelOptions } from '../../options.ts';

/** Options of one origin. */
export interface SettingsLayer {
  /** Where they were written, as errors and `inspect` name it: `m.onnx.quantize.json`. */
  from: string;
  options: ModelOptions;
}

/** Options of a model, and who said what. */
export interface LayeredSettings {
  options: ResolvedModelOptions;
  /** The layer that each option's value is from, or `preset smallest`; `default` where no layer sets it. */
  origins: Record<keyof ModelOptions, string>;
}

/**
 * Lays options over each other; later layers win, and only keys that they set. The last preset that is named stands right below its layer.
 *
 * @throws QuantizeError OPTION_UNKNOWN, OPTION_INVALID
 */
export function resolveLayers(layers: readonly SettingsLayer[]): LayeredSettings {
  const given = layers.map((layer) => layer.options);
  const options = resolveModelOptions(...given);
  const preset = presetOf(given);
  const all = preset === undefined ? layers : layers.toSpliced(preset.at, 0, { from: `preset ${preset.name}`, options: preset.options });
  const keys = Object.keys(MODEL_OPTIONS) as (keyof ModelOptions)[];
  const origins = keys.map((key) => [key, all.findLast((layer) => layer.options[key] !== undefined)?.from ?? 'default']);
  return { options, origins: Object.fromEntries(origins) as LayeredSettings['origins'] };
}

/** @throws QuantizeError OPTION_UNKNOWN, OPTION_INVALID, naming the layer */
export function checkLayer({ from, options }: SettingsLayer): void {
  try {
    resolveModelOptions(options);
  } catch (error) {
    if (!(error instanceof QuantizeError)) throw error;
    const { code, what, model, option, hint } = error;
    throw new QuantizeError(code, `${from}: ${what}`, { model, option, hint, cause: error });
  }
}
