import { locateSamples, type LocatedSamples } from '../../calibrate/index.ts';
import { QuantizeError } from '../../errors.ts';
import type { CalibrationMethod, ArtefactOptions } from '../../options.ts';
import type { Format } from '../../types.ts';

/** What has to be found out by running samples before a model can be quantized. */
export interface CalibratePlan {
  /** The ranges of activations, for static quantization; or the sums of outer products of what products read, for GPTQ. */
  observes: 'activations' | 'products';
  /** How ranges are chosen. */
  method: CalibrationMethod;
  /** Where samples are, and what is to be made of them. */
  calibration: LocatedSamples;
  sampleLimit: number;
}

const BLOCK_FORMATS: readonly Format[] = ['int4', 'int4-fp16', 'int4-storage', 'int8-weight'];

/**
 * Undefined when the weights alone decide. `int8` looks at activations where samples are there anyway.
 *
 * @param isQuantized whether the model is quantized already: nothing is made of it then, and nothing is missing. Asked only where samples are
 * @throws QuantizeError SAMPLES_NOT_FOUND when samples are needed and none were named
 */
export function calibratePlan(options: ArtefactOptions, root: string, isQuantized: () => boolean): CalibratePlan | undefined {
  const { format, algorithm, calibration, calibrationMethod: method, sampleLimit } = options;
  const usesGptq = algorithm === 'gptq' && BLOCK_FORMATS.includes(format);
  if (calibration === undefined) {
    if ((format !== 'int8-static' && !usesGptq) || isQuantized()) return undefined;
    if (format === 'int8-static') throw missing('int8-static fixes the scales of activations by samples', 'or use int8-dynamic, which measures every input while the model runs');
    throw missing('GPTQ looks at what samples make of each layer', 'or use the algorithm search, which looks at the weights only');
  }
  const plan = { method, calibration: locateSamples(calibration, root), sampleLimit };
  if (usesGptq) return { ...plan, observes: 'products' };
  return format === 'int8-static' || format === 'int8' ? { ...plan, observes: 'activations' } : undefined;
}

function missing(why: string, otherwise: string): QuantizeError {
  return new QuantizeError('SAMPLES_NOT_FOUND', `${why}, and there are none.`, { option: 'calibration', hint: `Give samples as \`calibration\`, ${otherwise}.` });
}
