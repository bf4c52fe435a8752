import { unzipSync } from 'fflate';
import { QuantizeError } from '../errors.ts';
import { parseNpy } from './npy.ts';
import type { Feeds } from './tensor.ts';

/**
 * Reads an archive of numpy.savez or numpy.savez_compressed as ONE sample: each array is fed as it is to the input of its name,
 * so a leading axis of stacked rows is a batch, not a list of samples.
 *
 * @throws QuantizeError SAMPLES_INVALID for a file that is not a zip archive, or an array that cannot be read
 */
export function parseNpz(bytes: Uint8Array, path: string): Feeds {
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzipSync(bytes);
  } catch (cause) {
    throw new QuantizeError('SAMPLES_INVALID', 'The samples are not an .npz archive that can be unpacked.', {
      option: path,
      hint: 'Write it with numpy.savez(path, input_name=array).',
      cause,
    });
  }
  const names = Object.keys(entries).sort();
  return Object.fromEntries(
    names.map((entry) => {
      const name = entry.replace(/\.npy$/, '');
      return [name, parseNpy(entries[entry]!, `"${name}" of ${path}`)];
    }),
  );
}
