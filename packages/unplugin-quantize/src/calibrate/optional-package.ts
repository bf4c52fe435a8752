import { QuantizeError } from '../errors.ts';

/**
 * What a package exports that only some kinds of samples need.
 *
 * @param load imports it, by a literal name so that bundlers see it
 * @throws QuantizeError READER_MISSING when it is not installed or does not load on this machine
 */
export async function loadOptional<T>(name: string, samples: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new QuantizeError('READER_MISSING', `${samples} are read with the package "${name}", which could not be loaded: ${reason}`, {
      hint: `Run npm install -D ${name}.`,
      cause,
    });
  }
}
