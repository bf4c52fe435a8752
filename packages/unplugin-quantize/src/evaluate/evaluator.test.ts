import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tinyModel } from '../../test/evaluate-models.ts';
import { evaluateModels } from './evaluator.ts';
import { metricsOf } from './evaluator-metrics.ts';
import { findEngines, requireEngine } from './find-engines.ts';
import type { RunModel } from './engine.ts';

let folder: string;
let source: RunModel;
let artefact: RunModel;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'evaluator-'));
  const engine = requireEngine(await findEngines());
  const io = [{ name: 'x', dtype: 'float32' as const }];
  const model = (op: string): Uint8Array => tinyModel([{ op, inputs: ['x'], outputs: ['y'] }], io, [{ name: 'y', dtype: 'float32' }]);
  source = await engine.open(model('Abs'));
  artefact = await engine.open(model('Relu'));
});
afterAll(async () => {
  await source.close();
  await artefact.close();
  rmSync(folder, { recursive: true });
});

let count = 0;
function evaluate(text: string, timeLimit = 60, onProgress?: (done: number, of: number | undefined) => void): ReturnType<typeof evaluateModels> {
  const module = join(folder, `evaluate${count++}.ts`);
  writeFileSync(module, text);
  return evaluateModels({ source, artefact, module, timeLimit, onProgress });
}

describe('evaluateModels', () => {
  it('gives what the module finds of both models, and how many runs were done', async () => {
    const progress: unknown[] = [];
    const metrics = await evaluate(`
      export default async (run: (feeds: unknown) => Promise<Record<string, { data: Float32Array }>>, { inputs, outputs }: { inputs: { name: string }[]; outputs: unknown[] }) => {
        const { y } = await run({ [inputs[0]!.name]: [-2, 3] });
        const { y: z } = await run({ x: { data: Float32Array.of(-1), dims: [1] } });
        return { sum: y!.data[0]! + y!.data[1]!, each: [...y!.data, ...z!.data], outputs: outputs.length };
      }`, 60, (done, of) => progress.push([done, of]));
    // |x| gives 2, 3, 1; max(x, 0) gives 0, 3, 0. Differences 2, 0, 1 have the mean 1 and the standard deviation 1.
    expect(metrics).toEqual([
      { name: 'each', from: 'evaluate', source: 2, artefact: 1, answers: 3, margin: expect.closeTo(1.959964 / Math.sqrt(3), 9) },
      { name: 'outputs', from: 'evaluate', source: 1, artefact: 1, answers: null, margin: null },
      { name: 'sum', from: 'evaluate', source: 5, artefact: 3, answers: null, margin: null },
    ]);
    expect(progress).toEqual([[1, undefined], [2, undefined], [3, 4], [4, 4]]);
  });

  it.each<[string, string, string, RegExp]>([
    ['a module without a function', 'export const evaluate = 1', 'EVALUATOR_FAILED', /no default export that is a function/],
    ['a module that does not load', 'throw new Error("no data")', 'EVALUATOR_FAILED', /cannot be loaded: no data/],
    ['a throw', 'export default () => { throw new Error("boom") }', 'EVALUATOR_FAILED', /failed on the source: boom/],
    ['a throw on the artefact only', 'export default async (run) => { const { y } = await run([-1]); if (y.data[0] === 0) throw new Error("zero"); return { a: 1 } }', 'EVALUATOR_FAILED', /failed on the artefact: zero/],
    ['NaN', 'export default () => ({ f1: NaN })', 'EVALUATOR_FAILED', /returned NaN for "f1"/],
    ['NaN of one item', 'export default () => ({ f1: [1, 0, NaN] })', 'EVALUATOR_FAILED', /NaN for "f1" of item 2/],
    ['text', 'export default () => ({ f1: "0.9" })', 'EVALUATOR_FAILED', /returned 0.9 for "f1", which is not a finite number/],
    ['nothing', 'export default () => undefined', 'EVALUATOR_FAILED', /returned no metrics/],
    ['an empty list', 'export default () => ({ f1: [] })', 'EVALUATOR_FAILED', /empty list for "f1"/],
    ['other metrics for the artefact', 'export default async (run) => { const { y } = await run([-1]); return y.data[0] === 0 ? { b: 1 } : { a: 1 } }', 'EVALUATOR_FAILED', /other metrics for the artefact \(b\) than for the source \(a\)/],
    ['feeds that do not fit', 'export default async (run) => { await run({ z: [1] }); return { a: 1 } }', 'SAMPLES_INVALID', /not an input/],
  ])('refuses %s', async (_, text, code, message) => {
    await expect(evaluate(text)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('ends what takes too long, and the session still works', async () => {
    const slow = 'export default async (run) => { for (;;) { await run([-1]); await new Promise((done) => setTimeout(done, 5)) } }';
    await expect(evaluate(slow, 0.2)).rejects.toMatchObject({ code: 'EVALUATOR_FAILED', message: expect.stringMatching(/more than 0.2 s on the source/) });
    expect((await source.run({ x: { dtype: 'float32', dims: [1], data: Float32Array.of(-4) } }))['y']!.data[0]).toBe(4);
  });
});

describe('metricsOf', () => {
  it('knows no interval for one item or lists of two lengths', () => {
    expect(metricsOf({ a: [1], b: [1, 0] }, { a: [0], b: [1] }, 'm').map(({ margin }) => margin)).toEqual([null, null]);
  });
});
