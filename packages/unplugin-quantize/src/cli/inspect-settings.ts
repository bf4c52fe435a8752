import { MODEL_OPTIONS, type ModelOptions } from '../options.ts';
import { readSidecar, resolveLayers } from '../pipeline/settings/index.ts';

export interface InspectedSetting {
  option: string;
  /** As JSON has it, with expressions as text; null where the format decides. */
  value: unknown;
  /** `default`, `preset smallest`, or the name of the file beside the model. */
  from: string;
}

/**
 * Every option of a model and where its value is from; undefined where no file beside the model has options.
 *
 * @param model absolute path
 * @throws QuantizeError OPTION_UNKNOWN, OPTION_INVALID
 */
export async function inspectSettings(model: string): Promise<InspectedSetting[] | undefined> {
  const sidecar = await readSidecar(model);
  if (sidecar === undefined) return undefined;
  const { options, origins } = resolveLayers([sidecar]);
  return (Object.keys(MODEL_OPTIONS) as (keyof ModelOptions)[]).map((option) => ({ option, value: plain(options[option]), from: origins[option] }));
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => (typeof item === 'string' ? item : String(item)));
  return value ?? null;
}
