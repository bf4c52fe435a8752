import type { ModelOptions } from './options.ts';
import type { Format } from './types.ts';

/** Options with every default filled in. */
export type ResolvedModelOptions = Required<Omit<ModelOptions, Unset>> & { [Key in Unset]: ModelOptions[Key] | undefined };

/** Options without a default of their own. */
type Unset = 'preset' | 'calibration' | 'evaluate' | 'symmetric' | 'mixed' | 'targets';

/** The options of one artefact. */
export type ArtefactOptions = Omit<ResolvedModelOptions, 'format'> & { format: Format };
