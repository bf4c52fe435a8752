import { describe, expect, it } from 'vitest';
import { FORMATS, MODEL_DEFAULTS, type ArtefactOptions } from '../options.ts';
import type { BudgetResult, Format, ModelReport } from '../types.ts';
import { holdBudget } from './fallback.ts';

const cosine = (found: number): BudgetResult => ({ limit: 'cosine', asked: 0.99, found, held: found >= 0.99 });
const bytes = (found: number): BudgetResult => ({ limit: 'maxBytes', asked: 100, found, held: found <= 100 });

/** Artefacts as their reports tell of them: what matters here is which limits each breaks. */
function attempts(results: Partial<Record<Format, BudgetResult[]>>): { tried: Format[]; attempt(options: ArtefactOptions): Promise<{ report: ModelReport }> } {
  const tried: Format[] = [];
  return {
    tried,
    attempt({ format }) {
      tried.push(format);
      const budget = results[format] ?? [cosine(1)];
      const report: ModelReport = { name: 'm', requestedFormat: 'int8', format, source: { bytes: 400, sha256: '' }, artefact: { bytes: 100, sha256: '', ratio: 0.25, minOnnxruntime: '1.17.0' }, inputs: [], outputs: [], weights: [], notes: ['own'], checks: [], accuracy: null, budget };
      return Promise.resolve({ report });
    },
  };
}

const options = (onFail: 'error' | 'warn' | 'fallback', format: Format = 'int8'): ArtefactOptions => ({ ...MODEL_DEFAULTS, format, onFail });
const tools = { warn: (): void => expect.unreachable(), sensitivity: (): Promise<number[]> => expect.unreachable() };

describe('holdBudget', () => {
  it('uses what holds at once', async () => {
    const { attempt, tried } = attempts({});
    expect(await holdBudget(options('fallback'), { ...tools, attempt })).toEqual({ result: { report: expect.objectContaining({ format: 'int8', notes: ['own'] }) } });
    expect(tried).toEqual(['int8']);
  });

  it('gives the error along with what was made', async () => {
    const { attempt } = attempts({ int8: [cosine(0.9)] });
    const { error, result } = await holdBudget(options('error'), { ...tools, attempt });
    expect(error).toMatchObject({ code: 'BUDGET_BROKEN' });
    expect(result.report.budget).toEqual([cosine(0.9)]);
  });

  it('lets pass with a warning', async () => {
    const warnings: string[] = [];
    const { error } = await holdBudget(options('warn'), { ...tools, attempt: attempts({ int8: [cosine(0.9)] }).attempt, warn: (message) => warnings.push(message) });
    expect(error).toBeUndefined();
    expect(warnings).toEqual([expect.stringMatching(/does not hold its budget[\s\S]*BROKEN/)]);
  });

  it('goes on to formats that keep more, and tells so', async () => {
    const { attempt, tried } = attempts({ 'int8': [cosine(0.9), bytes(10)], 'int8-storage': [cosine(0.98), bytes(20)], 'fp16-storage': [cosine(0.999), bytes(50)] });
    const { error, result } = await holdBudget(options('fallback'), { ...tools, attempt });
    expect(error).toBeUndefined();
    expect(tried).toEqual(['int8', 'int8-storage', 'fp16-storage']);
    expect(result.report).toMatchObject({ requestedFormat: 'int8', format: 'fp16-storage' });
    expect(result.report.notes).toEqual(['As int8 the model does not hold its budget (cosine 0.9 where 0.99 was asked): fp16-storage is used.', 'own']);
    expect(result.report.attempts).toEqual([
      { format: 'int8', bytes: 100, cosine: null, metrics: [], broken: ['cosine'] },
      { format: 'int8-storage', bytes: 100, cosine: null, metrics: [], broken: ['cosine'] },
      { format: 'fp16-storage', bytes: 100, cosine: null, metrics: [], broken: [] },
    ]);
  });

  it('does not make larger what is too large', async () => {
    const { attempt, tried } = attempts({ int8: [bytes(200)] });
    expect((await holdBudget(options('fallback'), { ...tools, attempt })).error).toMatchObject({ code: 'BUDGET_BROKEN' });
    expect(tried).toEqual(['int8']);
  });

  it('fails with what was tried when size and accuracy cannot both be held', async () => {
    const { attempt, tried } = attempts({ 'int8': [cosine(0.9), bytes(10)], 'int8-storage': [cosine(0.98), bytes(200)] });
    const { error } = await holdBudget(options('fallback'), { ...tools, attempt });
    expect(tried).toEqual(['int8', 'int8-storage']);
    expect(error!.message).toMatch(/m as int8 does not hold[\s\S]*Formats that keep more break limits too:\n {2}int8-storage: cosine, maxBytes/);
  });

  it.each(Object.keys(FORMATS) as Format[])('comes to the source from %s', async (format) => {
    const breaking = Object.fromEntries((Object.keys(FORMATS) as Format[]).filter((each) => each !== 'none').map((each) => [each, [cosine(0.5)]]));
    const { attempt, tried } = attempts(breaking);
    expect((await holdBudget(options('fallback', format), { ...tools, attempt })).error).toBeUndefined();
    expect(tried.at(-1)).toBe('none');
    expect(new Set(tried).size).toBe(tried.length);
  });
});
