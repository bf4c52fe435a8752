import type { ArtefactOptions } from '../../options.ts';
import type { QuantizeOptions } from '../../quantize/index.ts';

/** The options that decide an artefact's bytes. All count but those of measuring and the preset, which is in the others, so that a new option is never missing from a key. */
export function artefactOptions(options: ArtefactOptions): QuantizeOptions {
  const { preset: _preset, targets: _targets, calibration: _calibration, calibrationMethod: _method, sampleLimit: _sampleLimit, evaluate: _evaluate, budget: _budget, onFail: _onFail, latency: _latency, compressed: _compressed, verify: _verify, ...rest } = options;
  return rest;
}
