import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { ModelReport, OutputAccuracy, WeightDecision } from '../types.ts';
import { formatDecisions, formatTable, reportJson } from './index.ts';

const output = (figures: Partial<OutputAccuracy>): OutputAccuracy => ({ name: 'y', cosine: 1, meanCosine: 1, maxAbsError: 0, meanAbsError: 0, sqnr: null, top1Agreement: null, worstSample: 0, ...figures });

function report(own: Partial<ModelReport>): ModelReport {
  return {
    name: 'det.onnx',
    requestedFormat: 'int8',
    format: 'int8',
    source: { bytes: 4_746_332, sha256: 'aa' },
    artefact: { bytes: 1_331_000, sha256: 'bb', ratio: 1_331_000 / 4_746_332, minOnnxruntime: '1.17.0' },
    inputs: [],
    outputs: [],
    weights: [],
    notes: [],
    checks: [],
    accuracy: { engine: 'onnxruntime-node', engineVersion: '1.30.0', samples: 4, synthetic: false, outputs: [output({ cosine: 0.9991, top1Agreement: 0.984 }), output({ name: 'z', cosine: 0.99999 })] },
    budget: [{ limit: 'cosine', asked: 0.99, found: 0.9991, held: true }],
    ...own,
  };
}

describe('formatTable', () => {
  const small = report({ name: 'a/recognition.onnx', requestedFormat: 'int8', format: 'none', source: { bytes: 900, sha256: 'c' }, artefact: { bytes: 900, sha256: 'c', ratio: 1, minOnnxruntime: '1.17.0' }, accuracy: null, budget: [], notes: ['Quantizing would have made the file larger.'] });

  it('lines up the models and lists the notes below', () => {
    expect(formatTable([report({}), small], { color: false })).toBe(
      [
        'det.onnx            4.75 MB  →  1.33 MB  −72.0 %  int8               cos 0.9991  top-1 98.4 %  ✓ budget',
        'a/recognition.onnx    900 B  →    900 B   ±0.0 %  none (asked int8)',
        '  a/recognition.onnx: Quantizing would have made the file larger.',
      ].join('\n'),
    );
  });

  it('leaves out columns that no model fills, marks generated input and broken budgets', () => {
    expect(formatTable([small], { color: false }).split('\n')[0]).toBe('a/recognition.onnx  900 B  →  900 B  ±0.0 %  none (asked int8)');
    const synthetic = report({ accuracy: { ...report({}).accuracy!, synthetic: true, outputs: [output({ cosine: 0.5 })] }, budget: [{ limit: 'cosine', asked: 0.99, found: 0.5, held: false }, { limit: 'ratio', asked: 1, found: 0.3, held: true }] });
    expect(formatTable([synthetic], { color: false })).toContain('cos 0.5000*  ✗ budget (cosine)');
    expect(formatTable([], { color: true })).toBe('');
  });

  it('colours without changing the text', () => {
    const colored = formatTable([report({}), small], { color: true });
    expect(colored).toContain('\x1b[36mdet.onnx\x1b[39m');
    expect(stripVTControlCharacters(colored)).toBe(formatTable([report({}), small], { color: false }));
  });

  it('never lets a name move the cursor', () => {
    const hostile = report({ name: 'a\x1b[2J\r\nb\u202ec\u0007.onnx', notes: ['x\x1b]0;title\x07'] });
    const text = formatTable([hostile], { color: false });
    expect(text.split('\n')).toHaveLength(2);
    expect(text).toContain('a\\x1b[2J\\x0d\\x0ab\\u202ec\\x07.onnx');
    expect(text).not.toMatch(/[^\P{Cc}\n]/u);
  });
});

describe('formatDecisions', () => {
  const weight = (tensor: string, bytesBefore: number, own: Partial<WeightDecision> = {}): WeightDecision => ({ tensor, ops: ['Conv'], dims: [bytesBefore / 4], dtype: 'float32', scheme: 'kept', bytesBefore, bytesAfter: bytesBefore, reason: 'too small', ...own });
  const weights = [weight('b', 400), weight('c', 4000, { reason: 'read by Resize' }), weight('a', 400), weight('w', 100_000, { scheme: 'int8-storage', bytesAfter: 25_100 }), weight('v', 100_000, { scheme: 'int8-storage', bytesAfter: 25_100 })];

  it('sums the schemes and lists what was kept, largest first', () => {
    expect(formatDecisions({ weights })).toBe(
      [
        'int8-storage  2 tensors  200.00 kB  →  50.20 kB',
        'kept          3 tensors    4.80 kB  →   4.80 kB',
        'kept as they are:',
        '  c  4.00 kB  float32[1000]  Conv  read by Resize',
        '  a    400 B  float32[100]   Conv  too small',
        '  b    400 B  float32[100]   Conv  too small',
      ].join('\n'),
    );
  });

  it('says how much is not listed', () => {
    expect(formatDecisions({ weights }, 1).split('\n').at(-1)).toBe('  and 2 more, 800 B');
    expect(formatDecisions({ weights: [] })).toBe('');
  });
});

describe('reportJson', () => {
  it('does not depend on the order of the build', () => {
    const models = [report({ name: 'b' }), report({ name: 'a', requestedFormat: 'fp16' }), report({ name: 'a' }), report({ name: 'Z' })];
    const text = reportJson(models);
    expect(reportJson([...models].reverse())).toBe(text);
    const parsed = JSON.parse(text) as { version: number; models: ModelReport[] };
    expect(parsed.version).toBe(1);
    expect(parsed.models.map(({ name, requestedFormat }) => `${name} ${requestedFormat}`)).toEqual(['Z int8', 'a fp16', 'a int8', 'b int8']);
    expect(parsed.models[3]).toEqual(models[0]);
    expect(text).toMatch(/^\{\n {2}"\$schema": "[^"]+",\n {2}"version": 1,\n {2}"models": \[\n[^]*\}\n$/);
  });
});
