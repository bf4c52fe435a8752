import { describe, expect, it } from 'vitest';
import { resolveModelOptions, withOneFormat, type ModelOptions } from '../../options.ts';
import { calibratePlan } from './calibrate-plan.ts';

const observes = (options: ModelOptions, isQuantized = false): string | undefined => calibratePlan(withOneFormat(resolveModelOptions(options)), '/project', () => isQuantized)?.observes;

describe('calibratePlan', () => {
  const cases: [ModelOptions, string | undefined][] = [
    [{ format: 'int8-static', calibration: 's.mjs' }, 'activations'],
    [{ format: 'int8', calibration: 's.mjs' }, 'activations'],
    [{ format: 'int8' }, undefined],
    [{ format: 'int8-dynamic', calibration: 's.mjs' }, undefined],
    [{ format: 'fp16', calibration: 's.mjs', algorithm: 'gptq' }, undefined],
    [{ format: 'int4', calibration: 's.mjs' }, undefined],
    [{ format: 'int4', algorithm: 'search' }, undefined],
    [{ format: 'int8-dynamic', algorithm: 'gptq' }, undefined],
    ...(['int4', 'int4-fp16', 'int4-storage', 'int8-weight'] as const).map((format): [ModelOptions, string] => [{ format, calibration: 's.mjs', algorithm: 'gptq' }, 'products']),
  ];
  it.each(cases)('of %j observes %s', (options, expected) => expect(observes(options)).toBe(expected));

  it('says where samples are, how many are taken and what is made of them', () => {
    const plan = calibratePlan(withOneFormat(resolveModelOptions({ format: 'int8-static', calibration: 'data/s.mjs', sampleLimit: 7, calibrationMethod: 'mse' })), '/project', () => false);
    expect(plan).toMatchObject({ calibration: { at: [{ base: '/project/data/s.mjs' }] }, sampleLimit: 7, method: 'mse' });
  });

  it.each([{ format: 'int8-static' }, { format: 'int4', algorithm: 'gptq' }] as ModelOptions[])('refuses %j without samples', (options) => {
    expect(() => observes(options)).toThrow(expect.objectContaining({ code: 'SAMPLES_NOT_FOUND', option: 'calibration' }));
    expect(observes(options, true)).toBeUndefined();
  });
});
