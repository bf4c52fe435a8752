import { setProcessLimits, type Limits } from '../../limits.ts';

/** How workers are told what a model may ask for, before they are told of a model. */
export const LIMITS_VARIABLE = 'UNPLUGIN_QUANTIZE_LIMITS';

/** Takes over the limits of the process that started this worker. */
export function takeOverLimits(): void {
  const told = process.env[LIMITS_VARIABLE];
  if (told !== undefined) setProcessLimits(JSON.parse(told) as Limits);
}
