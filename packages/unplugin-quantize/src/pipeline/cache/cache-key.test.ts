import { describe, expect, it } from 'vitest';
import { locateSamples } from '../../calibrate/index.ts';
import { MODEL_DEFAULTS, type NamePattern } from '../../options.ts';
import type { QuantizeOptions } from '../../quantize/index.ts';
import { artefactOptions } from '../steps/artefact-options.ts';
import { artefactKey, calibrationKey, measurementKey, type ArtefactInputs, type CalibrationInputs, type MeasurementInputs } from './cache-key.ts';

const artefact: ArtefactInputs = {
  version: '1.0.0',
  options: artefactOptions({ ...MODEL_DEFAULTS, ops: ['MatMul', 'Gemm'], exclude: ['a', 'b'] }),
  model: 'm'.repeat(64),
  externals: { x: '1', y: '2' },
};

const measurement: MeasurementInputs = {
  artefact: 'a'.repeat(64),
  canary: null,
  plan: { verify: true, targets: [], compare: true, calibration: locateSamples({ images: 'photos', mean: [1, 2], feeds: { state: { data: new Float32Array(2), dims: [2] } } }, '/one'), sampleLimit: 100 },
  samples: { 'a.jpg': '1' },
  chosen: ['a.jpg'],
  readers: { sharp: '0.35.5' },
  engines: { 'onnxruntime-node': '1.30.0' },
};

describe('artefactKey', () => {
  const same: [string, Partial<ArtefactInputs>, Partial<ArtefactInputs>?][] = [
    ['order and repetition of operators', { options: { ...artefact.options, ops: ['Gemm', 'MatMul', 'Gemm'] } }],
    ['order of excluded names', { options: { ...artefact.options, exclude: ['b', 'a'] } }],
    ['order and repetition of expressions', { options: { ...artefact.options, include: [/b/i, /a/, /a/] } }, { options: { ...artefact.options, include: [/a/, /b/i] } }],
    ['order of external data', { externals: { y: '2', x: '1' } }],
  ];
  it.each(same)('does not change with the %s', (_, change, from = {}) => {
    expect(artefactKey({ ...artefact, ...change })).toBe(artefactKey({ ...artefact, ...from }));
  });

  const other: [string, Partial<ArtefactInputs>][] = [
    ['version', { version: '1.0.1' }],
    ['format', { options: { ...artefact.options, format: 'fp16' } }],
    ['operators', { options: { ...artefact.options, ops: ['MatMul'] } }],
    ['excluded names', { options: { ...artefact.options, exclude: ['a'] } }],
    ['expressions', { options: { ...artefact.options, exclude: ['a', 'b', /c/] } }],
    ['included names', { options: { ...artefact.options, include: ['a'] } }],
    ['excluded operators', { options: { ...artefact.options, excludeOps: ['Conv'] } }],
    ['size of weights', { options: { ...artefact.options, minElements: 64 } }],
    ['keepNames', { options: { ...artefact.options, keepNames: true } }],
    ['model', { model: 'n'.repeat(64) }],
    ['calibration', { calibration: 'c'.repeat(64) }],
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

describe('artefactKey of expressions', () => {
  it.each<[NamePattern, NamePattern]>([[/a/, /b/], [/a/, /a/i], [/a/, 'a'], [/a/, '/a/'], ['[object RegExp]', /a/]])('tells %s from %s', (one, other) => {
    const keyOf = (exclude: NamePattern[]): string => artefactKey({ ...artefact, options: { ...artefact.options, exclude } });
    expect(keyOf([one])).not.toBe(keyOf([other]));
    // As a worker thread gets them.
    expect(keyOf([one, other])).toBe(keyOf(structuredClone([other, one])));
  });
});

describe('measurementKey', () => {
  it('does not change with the place of the samples', () => {
    const moved = { ...measurement, plan: { ...measurement.plan, calibration: locateSamples({ images: ['pictures'], feeds: { state: { dims: [2], data: new Float32Array(2) } }, mean: [1, 2] }, '/two') } };
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
    ['samples', { samples: { 'a.jpg': '2' } }],
    ['choice of samples', { chosen: ['b.jpg'] }],
    ['kind of samples', { plan: { ...measurement.plan, calibration: { ...measurement.plan.calibration!, kind: 'auto' } } }],
    ['preparation of samples', { plan: { ...measurement.plan, calibration: locateSamples({ images: 'photos', mean: [1, 3], feeds: { state: { data: new Float32Array(2), dims: [2] } } }, '/one') } }],
    ['values of other inputs', { plan: { ...measurement.plan, calibration: locateSamples({ images: 'photos', mean: [1, 2], feeds: { state: { data: new Float32Array([0, 1]), dims: [2] } } }, '/one') } }],
    ['version of a reader', { readers: {} }],
    ['version of an engine', { engines: { 'onnxruntime-node': '1.31.0' } }],
    ['engines', { engines: {} }],
  ];
  it.each(other)('changes with the %s', (_, change) => {
    expect(measurementKey({ ...measurement, ...change })).not.toBe(measurementKey(measurement));
  });
});

describe('calibrationKey', () => {
  const { plan: { calibration, sampleLimit }, artefact: _, ...told } = measurement;
  const plan: CalibrationInputs['plan'] = { observes: 'products', method: 'minmax', calibration: calibration!, sampleLimit };
  const { options } = artefact;
  const inputs: CalibrationInputs = { ...artefact, ...told, plan };
  const activations = { plan: { ...plan, observes: 'activations' } } as const;

  const fixed = (more: Partial<QuantizeOptions> = {}): Partial<CalibrationInputs> => ({ ...activations, options: { ...options, format: 'int8-static', ...more } });

  const same: [string, Partial<CalibrationInputs>, Partial<CalibrationInputs>?][] = [
    ['format of what is made with sums', { options: { ...options, format: 'int4-storage', block: 64, symmetric: true } }],
    ['method where sums are observed', { plan: { ...plan, method: 'mse' } }],
    ['order of excluded names', { options: { ...options, exclude: ['b', 'a'] } }],
    ['what is made of activations', { ...fixed({ perChannel: false, biasCorrection: false }) }, fixed()],
    ['place of the samples', { plan: { ...plan, calibration: locateSamples({ images: 'elsewhere', mean: [1, 2], feeds: { state: { data: new Float32Array(2), dims: [2] } } }, '/two') } }],
  ];
  it.each(same)('does not change with the %s', (_, change, from = {}) => expect(calibrationKey({ ...inputs, ...change })).toBe(calibrationKey({ ...inputs, ...from })));

  const other: [string, Partial<CalibrationInputs>, Partial<CalibrationInputs>?][] = [
    ['version', { version: '1.0.1' }],
    ['model', { model: 'n'.repeat(64) }],
    ['external data', { externals: { x: '1', y: '3' } }],
    ['excluded names', { options: { ...options, exclude: ['a'] } }],
    ['size of weights', { options: { ...options, minElements: 64 } }],
    ['what is observed', activations],
    ['method of ranges', { plan: { ...activations.plan, method: 'mse' } }, activations],
    ['equalization', fixed({ equalize: false }), fixed()],
    ['reconstruction', fixed({ reconstruct: true }), fixed()],
    ['choice between fixed scales and others', { ...activations, options: { ...options, integerDepthwise: false } }, activations],
    ['samples', { samples: { 'a.jpg': '2' } }],
    ['choice of samples', { chosen: ['b.jpg'] }],
    ['limit', { plan: { ...plan, sampleLimit: 5 } }],
    ['engine', { engines: { 'onnxruntime-web': '1.30.0' } }],
    ['packages that read samples', { readers: { sharp: '0.36.0' } }],
  ];
  it.each(other)('changes with the %s', (_, change, from = {}) => expect(calibrationKey({ ...inputs, ...change })).not.toBe(calibrationKey({ ...inputs, ...from })));
});
