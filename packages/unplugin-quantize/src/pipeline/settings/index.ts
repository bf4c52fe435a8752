import { resolveModelOptions, type ModelOptions, type ModelRule } from '../../options.ts';
import { displayName } from '../display-name.ts';
import { resolveLayers, type LayeredSettings } from './layers.ts';
import { readRules } from './rules.ts';
import { readSidecar } from './sidecar.ts';

export { resolveLayers, type LayeredSettings, type SettingsLayer } from './layers.ts';
export { readSidecar, sidecarFiles } from './sidecar.ts';

/** Gives the options of one model. */
export type FindSettings = (root: string, model: string, query: ModelOptions, defaults?: ModelOptions) => Promise<LayeredSettings>;

/**
 * The rule of who wins: the plugin's options < `models`, later entries over earlier ones < the file beside the model < the query.
 * A preset counts as said where it is named, below the other options there.
 *
 * @throws QuantizeError OPTION_UNKNOWN, OPTION_INVALID at once for what the plugin was given, later for the rest
 */
export function createSettings(plugin: ModelOptions, models: readonly ModelRule[] = []): FindSettings {
  resolveModelOptions(plugin);
  const rules = readRules(models);
  return async (root, model, query, defaults = {}) => {
    const name = displayName(root, model);
    const fitting = rules.filter(({ fits }) => fits(name)).map(({ layer }) => layer);
    const sidecar = await readSidecar(model);
    const layers = [{ from: 'default', options: defaults }, { from: 'plugin options', options: plugin }, ...fitting, ...(sidecar === undefined ? [] : [sidecar]), { from: 'query', options: query }];
    return resolveLayers(layers);
  };
}
