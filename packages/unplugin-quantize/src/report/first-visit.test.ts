import { expect, it } from 'vitest';
import type { FirstVisit, ModelReport, Target } from '../types.ts';
import { firstVisitLines } from './first-visit.ts';

function report(targets: Target[], firstVisit?: FirstVisit): ModelReport {
  const artefact = { bytes: 1, sha256: '', ratio: 1, minOnnxruntime: '1.17.0' };
  const base = { name: 'm', requestedFormat: 'int8', format: 'int8', source: { bytes: 1, sha256: '' }, inputs: [], outputs: [], weights: [], notes: [], checks: [], accuracy: null, budget: [] } as const;
  return { ...structuredClone(base) as unknown as ModelReport, artefact, targets, ...(firstVisit && { firstVisit }) };
}

const runtime = { file: 'x.wasm', bytes: 14_000_000 };

it('adds up the models of a target, and the engine once', () => {
  const reports = [report(['webgpu', 'wasm'], { model: 1_000_000, runtime }), report(['wasm'], { model: 2_500_000, runtime }), report(['node'])];
  expect(firstVisitLines(reports)).toEqual([
    'first visit (webgpu)  1.00 MB + onnxruntime-web 14.00 MB = 15.00 MB',
    'first visit (wasm)  3.50 MB + onnxruntime-web 14.00 MB = 17.50 MB',
  ]);
});

it('tells compressed sizes where all are known', () => {
  const compressed = { gzip: 900_000, brotli: 800_000 };
  const packed = { ...runtime, compressed: { gzip: 4_000_000, brotli: 3_000_000 } };
  expect(firstVisitLines([report(['wasm'], { model: 1_000_000, compressed, runtime: packed })])).toEqual(['first visit (wasm)  1.00 MB + onnxruntime-web 14.00 MB = 15.00 MB  gzip 4.90 MB  brotli 3.80 MB']);
  expect(firstVisitLines([report(['wasm'], { model: 1, runtime })])[0]).not.toContain('gzip');
});

it('says nothing of what no browser downloads', () => expect(firstVisitLines([report(['node'])])).toEqual([]));

it('counts for devices with half precision what they get in place of the others, and no more', () => {
  const half: ModelReport = { ...report(['webgpu'], { model: 1_000_000, runtime }), needs: 'shader-f16' };
  const [plain, other] = [report(['webgpu', 'node'], { model: 1_500_000, runtime }), { ...report(['webgpu'], { model: 500_000, runtime }), name: 'other' }];
  expect(firstVisitLines([half, plain, other])).toEqual([
    'first visit (webgpu)  2.00 MB + onnxruntime-web 14.00 MB = 16.00 MB',
    'first visit (webgpu with shader-f16)  1.50 MB + onnxruntime-web 14.00 MB = 15.50 MB',
  ]);
});
