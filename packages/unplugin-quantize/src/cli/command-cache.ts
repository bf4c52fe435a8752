import type { CacheSpec } from '../cache-options.ts';
import { QuantizeError } from '../errors.ts';

/**
 * The cache that a command uses: one that flags name, or the one of the environment where the command does what a cache can keep.
 *
 * @throws QuantizeError OPTION_INVALID
 */
export function commandCache(given: CacheSpec, env: string | undefined, { isSplit, compares }: { isSplit: boolean; compares: boolean }): CacheSpec | undefined {
  const isNamed = given.folder !== undefined || given.remote !== undefined;
  const other = isSplit ? '--external-data' : compares ? undefined : '--no-compare';
  if (isNamed && other !== undefined) throw new QuantizeError('OPTION_INVALID', `A cache keeps nothing that is made with ${other}.`, { option: other, hint: 'Leave one of them out.' });
  return isNamed || (env !== undefined && env !== '' && other === undefined) ? given : undefined;
}
