import { byteSize } from './byte-size.ts';
import { QuantizeError } from './errors.ts';
import { checkLimits, type Limits } from './limits.ts';

/** What a build may take of the machine. */
export interface ResourceOptions {
  /** Worker threads that quantize models side by side. @default half of the cores, at least 1 */
  workers?: number;
  /**
   * Memory that work on models may take together, as a number of bytes or a text such as '2GB': models wait for their turn by an estimate of
   * what each takes. One that is larger than that is worked on alone.
   * @default no limit
   */
  memoryLimit?: number | string;
  /**
   * What a model may ask for; one that asks for more is refused before it takes the time and memory. Raise a limit for a model that you trust.
   * @default see the README
   * @example { nodes: 2_000_000 }
   */
  limits?: Partial<Limits>;
}

/** @throws QuantizeError OPTION_UNKNOWN, OPTION_INVALID */
export function checkResources({ workers, memoryLimit, limits }: ResourceOptions): void {
  if (workers !== undefined && !(Number.isSafeInteger(workers) && workers > 0)) {
    throw new QuantizeError('OPTION_INVALID', `"workers" is ${JSON.stringify(workers)}, which is not a whole number above 0.`, { option: 'workers' });
  }
  byteSize(memoryLimit, 'memoryLimit');
  checkLimits(limits);
}

/** The same as a pipeline takes them, with the largest size of the cache. @throws QuantizeError OPTION_INVALID */
export function resourcesOf({ workers, memoryLimit, limits, maxBytes }: ResourceOptions & { maxBytes?: number | string | undefined }): { workers?: number | undefined; limits?: Partial<Limits> | undefined; memoryLimit?: number | undefined; maxCacheBytes?: number | undefined } {
  return { workers, limits, memoryLimit: byteSize(memoryLimit, 'memoryLimit'), maxCacheBytes: byteSize(maxBytes, 'cache.maxBytes') };
}
