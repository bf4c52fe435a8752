import { resolve } from 'node:path';
import { expect, it } from 'vitest';
import { resolveModelOptions, withOneFormat, type ModelOptions } from '../../options.ts';
import { measurePlan } from './measure-plan.ts';

it.each<[ModelOptions, { verify: boolean; compare: boolean } | undefined]>([
  [{}, { verify: true, compare: false }],
  [{ verify: false }, undefined],
  [{ budget: { maxBytes: 9, ratio: 0.5 }, verify: false }, undefined],
  [{ budget: { cosine: 0.9 }, verify: false }, { verify: false, compare: true }],
  [{ calibration: 'samples.ts' }, { verify: true, compare: true }],
])('%j asks for %j', (options, plan) => {
  const found = measurePlan(withOneFormat(resolveModelOptions(options)), '/project');
  expect(found && { verify: found.verify, compare: found.compare }).toEqual(plan);
});

it('takes samples from the root', () => {
  expect(measurePlan(withOneFormat(resolveModelOptions({ calibration: 'data/samples.ts' })), '/project')?.calibration?.at).toEqual([{ base: resolve('/project/data/samples.ts'), given: 'data/samples.ts' }]);
});
