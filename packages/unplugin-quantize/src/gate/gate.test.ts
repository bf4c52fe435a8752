import { describe, expect, it } from 'vitest';
import { QuantizeError } from '../errors.ts';
import type { AccuracyReport, ModelReport, OutputAccuracy, TaskMetric } from '../types.ts';
import { assertHeld, judge, type BudgetFacts } from './index.ts';

const output = (name: string, cosine: number, worstSample = 0): OutputAccuracy => ({ name, cosine, meanCosine: cosine, maxAbsError: 0, meanAbsError: 0, sqnr: null, top1Agreement: null, worstSample });
const measured = (...outputs: OutputAccuracy[]): AccuracyReport => ({ engine: 'onnxruntime-node', engineVersion: '1.30.0', samples: 8, synthetic: false, outputs });
const facts: BudgetFacts = { bytes: 1_331_000, sourceBytes: 4_746_332, accuracy: measured(output('a', 0.9995), output('b', 0.98, 3)) };

describe('judge', () => {
  it('holds each limit that is asked for against the worst output', () => {
    expect(judge({ ratio: 0.25, maxBytes: 2_000_000, cosine: 0.99 }, facts)).toEqual([
      { limit: 'cosine', asked: 0.99, found: 0.98, held: false },
      { limit: 'maxBytes', asked: 2_000_000, found: 1_331_000, held: true },
      { limit: 'ratio', asked: 0.25, found: 1_331_000 / 4_746_332, held: false },
    ]);
    expect(judge({}, facts)).toEqual([]);
  });

  it('holds what is exactly equal', () => {
    const exact = { bytes: 50, sourceBytes: 100, accuracy: measured(output('a', 1)) };
    expect(judge({ cosine: 1, maxBytes: 50, ratio: 0.5 }, exact).map(({ held }) => held)).toEqual([true, true, true]);
    expect(judge({ maxBytes: 49 }, exact)[0]!.held).toBe(false);
  });

  it('never holds a cosine that was not measured', () => {
    expect(() => judge({ cosine: 0.9 }, { ...facts, accuracy: null, notMeasured: 'no engine' })).toThrowError(expect.objectContaining({ code: 'ENGINE_MISSING' }));
    expect(() => judge({ cosine: 0.9 }, { ...facts, accuracy: null, notMeasured: 'no samples' })).toThrowError(expect.objectContaining({ code: 'SAMPLES_NOT_FOUND' }));
    expect(() => judge({ cosine: 0 }, { ...facts, accuracy: measured() })).toThrowError(expect.objectContaining({ code: 'SAMPLES_INVALID' }));
    expect(judge({ ratio: 0.5 }, { ...facts, accuracy: null })).toHaveLength(1);
  });

  const metric = (name: string, source: number, found: number, margin: number | null = null): TaskMetric => ({ name, from: 'labels', source, artefact: found, answers: 100, margin });
  const withMetrics = (...metrics: TaskMetric[]): BudgetFacts => ({ ...facts, accuracy: { ...measured(output('a', 1)), metrics } });

  it('holds a loss of accuracy that chance explains', () => {
    expect(judge({ accuracyDrop: 0.01 }, withMetrics(metric('accuracy', 0.9, 0.875, 0.02)))).toEqual([{ limit: 'accuracyDrop', asked: 0.01, found: expect.closeTo(0.025, 12), margin: 0.02, held: true }]);
    expect(judge({ accuracyDrop: 0.01 }, withMetrics(metric('accuracy', 0.9, 0.875, 0.0149)))[0]!.held).toBe(false);
    expect(judge({ accuracyDrop: 0.01 }, withMetrics(metric('accuracy', 0.9, 0.875)))[0]!.held).toBe(false);
    expect(judge({ accuracyDrop: 0 }, withMetrics(metric('accuracy', 0.9, 0.92)))[0]!.held).toBe(true);
  });

  it('judges metrics by their names', () => {
    const results = judge({ floors: { spearman: 0.8, f1: 0.9 }, ceilings: { wer: 0.1 } }, withMetrics(metric('f1', 0.95, 0.91), metric('spearman', 0.82, 0.79), metric('wer', 0.05, 0.11)));
    expect(results).toEqual([
      { limit: 'floors.f1', asked: 0.9, found: 0.91, held: true },
      { limit: 'floors.spearman', asked: 0.8, found: 0.79, held: false },
      { limit: 'ceilings.wer', asked: 0.1, found: 0.11, held: false },
    ]);
  });

  it('judges compressed bytes, and a latency by the lower end of its interval', () => {
    const figures = { median: 1, p95: 1, throughput: 1, load: 1, peakMemory: 1, modelMemory: 1, runs: 1 };
    const ratio = { ratio: 1.1, low: 0.95, high: 1.3 };
    const latency = { engine: 'onnxruntime-node' as const, engineVersion: '1.30.0', threads: null, rounds: 9, synthetic: false, source: figures, artefact: figures, ratio: { latency: ratio, load: ratio, memory: 1 } };
    const measuredFacts = { ...facts, compressed: { gzip: 500, brotli: 400 }, latency };
    expect(judge({ compressedBytes: 499, latencyRatio: 1 }, measuredFacts)).toEqual([
      { limit: 'compressedBytes', asked: 499, found: 500, held: false },
      { limit: 'latencyRatio', asked: 1, found: 1.1, margin: expect.closeTo(0.15, 12), held: true },
    ]);
    expect(judge({ latencyRatio: 0.9 }, measuredFacts)[0]!.held).toBe(false);
    expect(() => judge({ latencyRatio: 1 }, facts)).toThrowError(expect.objectContaining({ code: 'METRIC_MISSING' }));
  });

  it('refuses a limit of what was not measured', () => {
    const missing = expect.objectContaining({ code: 'METRIC_MISSING' });
    expect(() => judge({ accuracyDrop: 0.1 }, facts)).toThrowError(missing);
    expect(() => judge({ floors: { f2: 0.1 } }, withMetrics(metric('f1', 1, 1)))).toThrowError(expect.objectContaining({ code: 'METRIC_MISSING', option: 'budget.floors.f2', hint: expect.stringContaining('f1') }));
    expect(() => judge({ integerShare: 0.5 }, facts)).toThrowError(missing);
    expect(judge({ integerShare: 0.5 }, { ...facts, integerShare: { share: 0.4, nodes: [] } })).toEqual([{ limit: 'integerShare', asked: 0.5, found: 0.4, held: false }]);
  });
});

describe('assertHeld', () => {
  const report: ModelReport = { name: 'det.onnx', requestedFormat: 'int8', format: 'int8', source: { bytes: facts.sourceBytes, sha256: '' }, artefact: { bytes: facts.bytes, sha256: '', ratio: 0.28, minOnnxruntime: '1.17.0' }, inputs: [], outputs: [], weights: [], notes: [], checks: [], accuracy: facts.accuracy, budget: [] };

  it('passes what is held', () => {
    expect(() => assertHeld(report, judge({ maxBytes: 2_000_000 }, facts))).not.toThrow();
    expect(() => assertHeld(report)).not.toThrow();
  });

  it('shows what was asked and what was found', () => {
    let error: unknown;
    try {
      assertHeld(report, judge({ cosine: 0.99, maxBytes: 2_000_000 }, facts));
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(QuantizeError);
    expect((error as QuantizeError).message).toBe(
      [
        'det.onnx as int8 does not hold its budget:',
        '  limit     asked                        found',
        '  cosine    at least 0.9900              0.9800               BROKEN',
        '                                         0.9995               held by output "a", lowest at sample 0',
        '                                         0.9800               BROKEN by output "b", lowest at sample 3',
        '  maxBytes  at most 2.00 MB (2000000 B)  1.33 MB (1331000 B)  held',
        '1 of 2 limits broken [BUDGET_BROKEN]',
        '  model: det.onnx',
        '  hint: To pass, use a format that keeps more, such as int8-storage or fp16-storage, or lower budget.cosine.',
      ].join('\n'),
    );
  });

  it('shows metrics of source and artefact, and the interval of their difference', () => {
    const accuracy: AccuracyReport = { ...measured(output('a', 1)), metrics: [{ name: 'accuracy', from: 'labels', source: 0.9, artefact: 0.85, answers: 1000, margin: 0.012 }] };
    expect(() => assertHeld({ ...report, accuracy }, judge({ accuracyDrop: 0.01 }, { ...facts, accuracy }))).toThrow(/accuracyDrop +at most 1\.00 % +5\.00 % ± 1\.20 % +BROKEN {2}0\.9 → 0\.85, 1000 answers/);
  });
});
