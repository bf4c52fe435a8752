import { describe, expect, it } from 'vitest';
import { MODEL_DEFAULTS } from '../options.ts';
import { artefactOptions } from './artefact-options.ts';
import { artefactKey, measurementKey, type ArtefactInputs, type MeasurementInputs } from './cache-key.ts';

const artefact: ArtefactInputs = {
  version: '1.0.0',
  options: artefactOptions({ ...MODEL_DEFAULTS, ops: ['MatMul', 'Gemm'], exclude: ['a', 'b'] }),
  model: 'm'.repeat(64),
  externals: { x: '1', y: '2' },
};

const measurement: MeasurementInputs = {
  artefact: 'a'.repeat(64),
  plan: { verify: true, compare: true, calibration: '/one/samples.npz', sampleLimit: 100 },
  samples: { 'samples.npz': '1' },
  engines: { 'onnxruntime-node': '1.30.0' },
};

describe('artefactKey', () => {
  const same: [string, Partial<ArtefactInputs>][] = [
    ['order and repetition of operators', { options: { ...artefact.options, ops: ['Gemm', 'MatMul', 'Gemm'] } }],
    ['order of excluded names', { options: { ...artefact.options, exclude: ['b', 'a'] } }],
    ['order of external data', { externals: { y: '2', x: '1' } }],
  ];
  it.each(same)('does not change with the %s', (_, change) => {
    expect(artefactKey({ ...artefact, ...change })).toBe(artefactKey(artefact));
  });

  const other: [string, Partial<ArtefactInputs>][] = [
    ['version', { version: '1.0.1' }],
    ['format', { options: { ...artefact.options, format: 'fp16' } }],
    ['operators', { options: { ...artefact.options, ops: ['MatMul'] } }],
    ['excluded names', { options: { ...artefact.options, exclude: ['a'] } }],
    ['keepNames', { options: { ...artefact.options, keepNames: true } }],
    ['model', { model: 'n'.repeat(64) }],
    ['external data', { externals: { x: '1', y: '3' } }],
    ['names of external data', { externals: { x: '1', z: '2' } }],
  ];
  it.each(other)('changes with the %s', (_, change) => {
    expect(artefactKey({ ...artefact, ...change })).not.toBe(artefactKey(artefact));
  });

  it('has no part in budgets, samples and checks', () => {
    const options = artefactOptions({ ...MODEL_DEFAULTS, ops: ['MatMul', 'Gemm'], exclude: ['a', 'b'], calibration: 's', sampleLimit: 5, verify: false, budget: { cosine: 0.9 } });
    expect(artefactKey({ ...artefact, options })).toBe(artefactKey(artefact));
  });
});

describe('measurementKey', () => {
  it('does not change with the place of the samples', () => {
    const moved = { ...measurement, plan: { ...measurement.plan, calibration: '/two/samples.npz' } };
    expect(measurementKey(moved)).toBe(measurementKey(measurement));
  });

  it('does not change with a limit that nothing is held to', () => {
    const generated = { ...measurement, samples: {}, plan: { ...measurement.plan, calibration: undefined } };
    expect(measurementKey({ ...generated, plan: { ...generated.plan, sampleLimit: 7 } })).toBe(measurementKey(generated));
  });

  const other: [string, Partial<MeasurementInputs>][] = [
    ['artefact', { artefact: 'b'.repeat(64) }],
    ['checks', { plan: { ...measurement.plan, verify: false } }],
    ['comparison', { plan: { ...measurement.plan, compare: false } }],
    ['limit', { plan: { ...measurement.plan, sampleLimit: 7 } }],
    ['samples', { samples: { 'samples.npz': '2' } }],
    ['version of an engine', { engines: { 'onnxruntime-node': '1.31.0' } }],
    ['engines', { engines: {} }],
  ];
  it.each(other)('changes with the %s', (_, change) => {
    expect(measurementKey({ ...measurement, ...change })).not.toBe(measurementKey(measurement));
  });
});
