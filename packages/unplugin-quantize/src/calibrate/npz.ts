import { unzipSync } from 'fflate';
import { QuantizeError } from '../errors.ts';
import { processLimits } from '../limits.ts';
import { parseNpy } from './npy.ts';
import type { Feeds } from './tensor.ts';

/**
 * Reads an archive of numpy.savez or numpy.savez_compressed as ONE sample: each array is fed as it is to the input of its name,
 * so a leading axis of stacked rows is a batch, not a list of samples.
 *
 * @param most the largest number of bytes that it may unpack to
 * @throws QuantizeError SAMPLES_INVALID for a file that is not a zip archive, an array that cannot be read, or too many bytes
 */
export function parseNpz(bytes: Uint8Array, path: string, most = processLimits().sampleBytes): Feeds {
  let entries: Record<string, Uint8Array>;
  try {
    let total = 0;
    // Asked before an entry is unpacked, and no entry gives more than it says: a small file may stand for terabytes.
    entries = unzipSync(bytes, { filter: ({ originalSize }) => {
      total += originalSize;
      if (total > most) throw tooLarge(path, most);
      return true;
    } });
  } catch (cause) {
    if (cause instanceof QuantizeError) throw cause;
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

function tooLarge(path: string, most: number): QuantizeError {
  return new QuantizeError('SAMPLES_INVALID', `The archive unpacks to more than ${most} bytes, which is the limit.`, { option: path, hint: 'Split the samples into several files, or raise `limits: { sampleBytes }`.' });
}
