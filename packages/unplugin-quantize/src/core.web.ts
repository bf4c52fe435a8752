import { filesOf, quantizeBytes, type CoreOptions, type CoreResult } from './core.shared.ts';
import { bytesSource } from './onnx/index.ts';

export * from './core.shared.ts';

/**
 * Quantizes a model in this thread: a page does better to call it in a Worker. Nothing is run or measured.
 *
 * @param source the model's bytes, or a Blob such as a File that the user chose; external data comes in `files`
 * @returns the artefact and a report; the same input gives the same bytes as in Node. Hashes are '' on pages that are neither https
 *   nor localhost, where browsers have no crypto.subtle
 * @throws QuantizeError MODEL_*, OPSET_UNSUPPORTED, EXTERNAL_DATA_*, OPTION_*
 */
export async function quantizeModel(source: Uint8Array | Blob, options: CoreOptions = {}): Promise<CoreResult> {
  const name = options.name ?? nameOf(source);
  const input = source instanceof Blob ? new Uint8Array(await source.arrayBuffer()) : source;
  const { bytes, data, report } = quantizeBytes(bytesSource(input, name), filesOf(options.files, name), options);
  return { bytes, ...(data && { data }), report: report(await sha256(input), await sha256(bytes), data === undefined ? '' : await sha256(data)) };
}

function nameOf(source: Uint8Array | Blob): string {
  return source instanceof Blob && 'name' in source && typeof source.name === 'string' ? source.name : 'model';
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle;
  if (subtle === undefined) return '';
  // Shared memory is refused.
  const digest = await subtle.digest('SHA-256', bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : bytes.slice());
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
