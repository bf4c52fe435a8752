import { QuantizeError } from '../../packages/unplugin-quantize/src/errors.ts';
import { filesOf } from '../../packages/unplugin-quantize/src/core.shared.ts';
import { bytesSource, readModel, type Payload } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { assertSound } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { quantizeSource } from '../../packages/unplugin-quantize/src/quantize/index.ts';
import { SAMPLED_FORMATS } from '../../packages/unplugin-quantize/src/options.ts';
import { flatStatistics } from '../support/flat-statistics.ts';
import type { Mutant } from './mutant.ts';
import { EXTERNAL } from './seeds.ts';

/** Artefacts up to this size are read again. */
const READ_AGAIN = 8 << 20;

/** How a case ended: an artefact came out, it was refused for this reason, or what went wrong. */
export type Ending = { outcome: 'quantized' } | { outcome: 'refused'; code: string } | { outcome: 'failed'; what: string };

/** Quantizes a mutant and takes the whole stream. */
export function checkMutant({ bytes, options }: Mutant): Ending {
  let quantized = false;
  try {
    const files = filesOf({ [EXTERNAL.location]: EXTERNAL.bytes }, 'mutant');
    const source = bytesSource(bytes, 'mutant');
    const observed = SAMPLED_FORMATS.includes(options.format) ? { statistics: flatStatistics(source, files, options) } : {};
    const { stream, format: used } = quantizeSource(source, files, options, observed);
    const artefact = take(stream);
    quantized = true;
    // A source may have its nodes in any order, and 'none' leaves them so.
    if (artefact !== undefined && used !== 'none') assertSound(readModel(bytesSource(artefact, 'artefact'), files));
    return { outcome: 'quantized' };
  } catch (error) {
    const told = error instanceof Error ? (error.stack ?? error.message) : String(error);
    if (!(error instanceof QuantizeError)) return { outcome: 'failed', what: told };
    return quantized ? { outcome: 'failed', what: `The artefact is not sound: ${told}` } : { outcome: 'refused', code: error.code };
  }
}

/** Takes all of a stream as a writer of files does, and keeps it where it is small. */
function take({ byteLength, chunks }: Payload): Uint8Array | undefined {
  const kept = byteLength <= READ_AGAIN ? new Uint8Array(byteLength) : undefined;
  let taken = 0;
  for (const chunk of chunks()) {
    kept?.set(chunk, taken);
    taken += chunk.byteLength;
  }
  if (taken !== byteLength) throw new Error(`The stream has ${taken} bytes where ${byteLength} were announced.`);
  return kept;
}
