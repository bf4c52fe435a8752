import { QuantizeError } from '../errors.ts';
import { didYouMean } from '../suggest.ts';
import type { Budget } from '../types.ts';
import { LIMIT_NAMES, LIMITS } from './limits.ts';

/**
 * Checks a budget that came from a user; limits that are undefined are left out.
 *
 * @param option the option's name in errors
 * @throws QuantizeError OPTION_UNKNOWN for a limit that does not exist, OPTION_INVALID for a value out of range
 */
export function validateBudget(value: unknown, option = 'budget'): Budget {
  if (value === undefined) return {};
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new QuantizeError('OPTION_INVALID', `A budget is an object of limits, found ${JSON.stringify(value)}.`, { option, hint: didYouMean('', LIMIT_NAMES) });
  }
  const budget: Budget = {};
  for (const [key, asked] of Object.entries(value)) {
    const limit = LIMIT_NAMES.find((name) => name === key);
    if (limit === undefined) {
      throw new QuantizeError('OPTION_UNKNOWN', `There is no limit called "${key}".`, { option: `${option}.${key}`, hint: didYouMean(key, LIMIT_NAMES) });
    }
    if (asked === undefined) continue;
    if (typeof asked !== 'number' || !LIMITS[limit].accepts(asked)) {
      throw new QuantizeError('OPTION_INVALID', `The limit has to be ${LIMITS[limit].range}, found ${show(asked)}.`, { option: `${option}.${key}` });
    }
    budget[limit] = asked;
  }
  return budget;
}

function show(value: unknown): string {
  return typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? typeof value);
}
