import { QuantizeError } from '../errors.ts';
import type { Options } from '../options.ts';

/** Below it a model would be thousands of files. */
const SMALLEST_PART = 1 << 16;

/** @throws QuantizeError OPTION_INVALID */
export function checkDelivery({ compress, maxFileBytes, precompress }: Options): void {
  if (compress !== undefined && compress !== false && compress !== 'gzip') throw invalid('compress', compress, "'gzip' or false");
  const isList = precompress === undefined || (Array.isArray(precompress) && precompress.every((each) => each === 'gzip' || each === 'brotli'));
  if (!isList) throw invalid('precompress', precompress, "a list of 'gzip' and 'brotli'");
  if (maxFileBytes !== undefined && !(Number.isSafeInteger(maxFileBytes) && maxFileBytes >= SMALLEST_PART)) throw invalid('maxFileBytes', maxFileBytes, `a whole number of bytes from ${SMALLEST_PART}`);
}

function invalid(option: string, value: unknown, wanted: string): QuantizeError {
  return new QuantizeError('OPTION_INVALID', `"${option}" is ${JSON.stringify(value)}, which is not ${wanted}.`, { option });
}
