import { describe, expect, it } from 'vitest';
import type { ModelReport, TaskMetric } from '../../types.ts';
import { assertBaseline, baselineText, compareToBaseline, improvementNotes, NO_BASELINE, parseBaseline, withReports, type Baseline } from './index.ts';

interface Figures { bytes?: number; cosine?: number; samples?: number; metrics?: TaskMetric[]; source?: string; name?: string; targets?: ModelReport['targets'] }

function report({ bytes = 10_000, cosine = 0.998, samples = 100, metrics = [], source = 'a'.repeat(64), name = 'm.onnx', targets }: Figures = {}): ModelReport {
  return {
    name, requestedFormat: 'int8', format: 'int8', source: { bytes: 40_000, sha256: source }, artefact: { bytes, sha256: 'b'.repeat(64), ratio: bytes / 40_000, minOnnxruntime: '1.17.0' },
    inputs: [], outputs: [], weights: [], notes: [], checks: [], budget: [], ...(targets && { targets }),
    accuracy: { engine: 'onnxruntime-node', engineVersion: '1.30.0', samples, synthetic: false, metrics, outputs: [{ name: 'y', cosine, meanCosine: cosine, maxAbsError: 0, meanAbsError: 0, sqnr: null, top1Agreement: null, worstSample: 0 }] },
  };
}

const metric = (name: string, artefact: number, margin: number | null = null): TaskMetric => ({ name, from: 'evaluate', source: 0.9, artefact, answers: 100, margin });
const baselineOf = (figures: Figures): Baseline => withReports(NO_BASELINE, [report(figures)], '0.1.0');
const changes = (before: Figures, after: Figures, tolerance = {}): [string, string][] => compareToBaseline(baselineOf(before), report(after), tolerance)!.map(({ what, verdict }) => [what, verdict]);

describe('compareToBaseline', () => {
  it.each<[string, Figures, Figures, [string, string][]]>([
    ['the same figures', {}, {}, []],
    ['a size within one per cent', {}, { bytes: 10_100 }, []],
    ['a larger artefact', {}, { bytes: 10_101 }, [['bytes', 'regressed']]],
    ['a smaller artefact', {}, { bytes: 9_000 }, [['bytes', 'improved']]],
    ['another source', {}, { source: 'c'.repeat(64) }, [['source', 'regressed']]],
    ['fewer samples', {}, { samples: 99 }, [['samples', 'regressed']]],
    ['more samples', {}, { samples: 200 }, []],
    ['a lower cosine', {}, { cosine: 0.9969 }, [['cosine', 'regressed']]],
    ['a slightly lower cosine', {}, { cosine: 0.9971 }, []],
    ['a higher cosine', {}, { cosine: 0.9995 }, [['cosine', 'improved']]],
    ['less accuracy', { metrics: [metric('accuracy', 0.9)] }, { metrics: [metric('accuracy', 0.894)] }, [['accuracy', 'regressed']]],
    ['less accuracy, as chance may have it', { metrics: [metric('accuracy', 0.9)] }, { metrics: [metric('accuracy', 0.894, 0.02)] }, []],
    ['more errors in words', { metrics: [metric('wer', 0.1)] }, { metrics: [metric('wer', 0.11)] }, [['wer', 'regressed']]],
    ['less perplexity', { metrics: [metric('perplexity', 4.1)] }, { metrics: [metric('perplexity', 4.0)] }, [['perplexity', 'improved']]],
    ['perplexity within half a per cent', { metrics: [metric('perplexity', 4)] }, { metrics: [metric('perplexity', 4.019)] }, []],
    ['a metric that is gone', { metrics: [metric('f1', 0.9)] }, {}, [['f1', 'regressed']]],
  ])('judges %s', (_, before, after, expected) => expect(changes(before, after)).toEqual(expected));

  it('knows nothing of another model, format or target', () => {
    expect(compareToBaseline(baselineOf({}), report({ name: 'other.onnx' }))).toBeUndefined();
    expect(compareToBaseline(baselineOf({}), report({ targets: ['wasm'] }))).toBeUndefined();
    expect(compareToBaseline(baselineOf({ targets: ['wasm', 'webgpu'] }), report({ targets: ['webgpu', 'wasm'] }))).toEqual([]);
  });

  it('takes other tolerances', () => {
    expect(changes({}, { bytes: 12_000, cosine: 0.98 }, { bytes: 0.25, cosine: 0.02 })).toEqual([]);
    expect(changes({}, { bytes: 10_001 }, { bytes: 0 })).toEqual([['bytes', 'regressed']]);
  });

  it('notices accuracy that is not measured any more', () => {
    expect(compareToBaseline(baselineOf({}), { ...report(), accuracy: null })).toMatchObject([{ what: 'accuracy', verdict: 'regressed' }]);
  });

  it('fails with a table, and tells what got better', () => {
    const found = compareToBaseline(baselineOf({}), report({ bytes: 9_000, samples: 3 }))!;
    expect(() => assertBaseline(report(), found, 'quantize.lock.json')).toThrow(/m\.onnx as int8 is worse than its baseline:\n +baseline +found\n +bytes +10\.00 kB \(10000 B\) +9\.00 kB \(9000 B\) +improved\n +samples +100 +3 +REGRESSED \[BASELINE_BROKEN\]/);
    expect(improvementNotes(found)).toEqual([expect.stringContaining('bytes 10.00 kB (10000 B) → 9.00 kB (9000 B)')]);
    expect(() => assertBaseline(report(), found.filter(({ verdict }) => verdict !== 'regressed'), 'x')).not.toThrow();
  });
});

describe('the file', () => {
  it('is sorted, stable and complete', () => {
    const text = baselineText(withReports(baselineOf({ name: 'z.onnx' }), [report({ metrics: [metric('f1', 0.9), metric('accuracy', 0.123456789)] })], '0.1.0'));
    expect(text).toBe(baselineText(parseBaseline(text, 'x')));
    expect(text.indexOf('"m.onnx"')).toBeLessThan(text.indexOf('"z.onnx"'));
    expect(JSON.parse(text)).toMatchObject({ version: 1, models: { 'm.onnx': { int8: { bytes: 10_000, accuracy: { engine: 'onnxruntime-node 1.30.0', samples: 100, metrics: { accuracy: { artefact: 0.123457 } } } } } } });
  });

  it('keeps what it does not know', () => {
    const future = JSON.parse(baselineText(baselineOf({}))) as Record<string, unknown> & { models: Record<string, Record<string, object>> };
    future['owner'] = 'vision';
    future.models['m.onnx']!['int8'] = { ...future.models['m.onnx']!['int8'], energy: { joules: 3 } };
    const read = parseBaseline(JSON.stringify(future), 'x');
    expect(compareToBaseline(read, report())).toEqual([]);
    expect(JSON.parse(baselineText(withReports(read, [report({ bytes: 9000 })], '0.2.0')))).toMatchObject({ owner: 'vision', models: { 'm.onnx': { int8: { bytes: 9000, energy: { joules: 3 }, tool: '0.2.0' } } } });
  });

  it.each<[string, string, RegExp]>([
    ['no JSON', '{', /is no JSON/],
    ['a merge that was not finished', '{\n<<<<<<< ours\n"version": 1\n=======\n>>>>>>> theirs\n}', /marks of a merge/],
    ['another version', '{"version": 2, "models": {}}', /version 2, and this release reads version 1/],
    ['no version', '{"models": {}}', /no version/],
    ['no models', '{"version": 1}', /no models/],
    ['an incomplete entry', '{"version": 1, "models": {"m": {"int8": {"bytes": 3}}}}', /"m" as int8 is incomplete/],
  ])('is refused with %s', (_, text, message) => expect(() => parseBaseline(text, 'quantize.lock.json')).toThrow(message));
});
