import type { CalibrationMethod } from '../../options.ts';
import { entropyRange } from './entropy.ts';
import { minMaxRange } from './minmax.ts';
import { movingAverageRange } from './moving-average.ts';
import { mseRange } from './mse.ts';
import { percentileRange } from './percentile.ts';
import type { ChooseRange } from './range.ts';

/** How a range is chosen, by the value of the option `calibrationMethod`. */
export const METHODS: Record<CalibrationMethod, ChooseRange> = {
  'minmax': minMaxRange,
  'moving-average': movingAverageRange,
  'percentile': (seen) => percentileRange(seen),
  'entropy': entropyRange,
  'mse': (seen) => mseRange(seen),
};

/** Methods that clip nothing, so that a single value can take the range of all others. */
export const UNCLIPPED: readonly CalibrationMethod[] = ['minmax', 'moving-average'];
