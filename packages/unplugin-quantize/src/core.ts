import { createHash } from 'node:crypto';
import { filesOf, quantizeBytes, type CoreOptions, type CoreResult, type Unhashed } from './core.shared.ts';
import { bytesSource } from './onnx/index.ts';
import { withModelFile } from './pipeline/files/file-source.ts';
import { sha256File } from './pipeline/cache/hash.ts';

export * from './core.shared.ts';

/**
 * Quantizes a model in this thread; nothing is cached, run or measured.
 *
 * @param source the model's bytes, or its path (external data is found beside it)
 * @returns the artefact and a report; the same input gives the same bytes as the plugin and the command line
 * @throws QuantizeError MODEL_*, OPSET_UNSUPPORTED, EXTERNAL_DATA_*, OPTION_*
 * @example
 * const { bytes, report } = await quantizeModel('model.onnx', { format: 'int8' })
 */
export async function quantizeModel(source: Uint8Array | string, options: CoreOptions = {}): Promise<CoreResult> {
  if (typeof source === 'string') return finish(quantizePath(source, options), await sha256File(source));
  return finish(quantizeBytes(bytesSource(source, options.name), filesOf(options.files, options.name ?? 'model'), options), sha256(source));
}

function quantizePath(path: string, options: CoreOptions): Unhashed {
  const name = options.name ?? path;
  return withModelFile(path, name, ({ source, files }) => quantizeBytes(source, filesOf(options.files, name) ?? files, options));
}

function finish({ bytes, data, report }: Unhashed, sourceHash: string): CoreResult {
  return { bytes, ...(data && { data }), report: report(sourceHash, sha256(bytes), data === undefined ? '' : sha256(data)) };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
