import type { ByteSource, ExternalFiles } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { observeActivations, type QuantizeOptions, type Statistics } from '../../packages/unplugin-quantize/src/quantize/index.ts';

/** Statistics as if every value were between -1 and 1: for tests that look at the form of artefacts, and for models that cannot be run. */
export function flatStatistics(source: ByteSource, files: ExternalFiles | undefined, options: QuantizeOptions): Statistics {
  const { taps } = observeActivations(source, files, options);
  return new Map(taps.map(({ name }) => [name, { min: -1, max: 1 }]));
}
