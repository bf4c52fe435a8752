import { describe, expect, it } from 'vitest';
import type { Delivery } from '../pipeline/index.ts';
import type { ModelReport, QuantizedModel, Target } from '../types.ts';
import { modelFacts, modelModule, urlModule, type Published } from './module-code.ts';

const report: ModelReport = {
  name: 'models/it\'s "ü\u2028`${x}`.onnx',
  requestedFormat: 'int8',
  format: 'int8-storage',
  source: { bytes: 100, sha256: 'aa' },
  artefact: { bytes: 25, sha256: 'bb', ratio: 0.25, minOnnxruntime: '1.17.0' },
  inputs: [{ name: '</script>\\', dtype: 'float32', dims: [1, 'N', null] }],
  outputs: [{ name: 'y', dtype: 'int64', dims: null }],
  weights: [],
  notes: [],
  checks: [],
  accuracy: null,
  budget: [],
};

function variant(targets: Target[], about: ModelReport, sessionOptions = {}, delivery: Partial<Delivery> = {}): Published {
  const { bytes, sha256 } = about.artefact;
  return { variant: { targets, report: about, sessionOptions, file: '' }, delivery: { files: [{ file: '', bytes, sha256 }], ...delivery } };
}

/** What an import of the module gives. */
async function evaluate<T>(code: string): Promise<T> {
  const module = (await import(/* @vite-ignore */ `data:text/javascript;base64,${Buffer.from(code).toString('base64')}`)) as { default: T };
  return module.default;
}

describe('modelModule', () => {
  it('is JavaScript whose default export is the model, with the URL as an expression', async () => {
    const facts = modelFacts([variant(['webgpu', 'wasm'], report), variant(['node'], { ...report, format: 'int8', artefact: { ...report.artefact, bytes: 30, sha256: 'cc' } }, { extra: { session: { key: '0' } } })], null);
    const model = await evaluate<QuantizedModel>(modelModule(facts, new Map([['bb', 'new URL("m.onnx", "https://example.test/a/").href'], ['cc', '"/c.onnx"']])));
    const stored = { format: 'int8-storage', url: 'https://example.test/a/m.onnx', bytes: 25, sha256: 'bb', minOnnxruntime: '1.17.0', sessionOptions: {} };
    expect(model).toEqual({
      name: 'it\'s "ü\u2028`${x}`.onnx',
      hash: 'bb',
      source: { bytes: 100, hash: 'aa' },
      inputs: report.inputs,
      outputs: report.outputs,
      canary: null,
      variants: [
        { ...stored, target: 'webgpu' },
        { ...stored, target: 'wasm' },
        { ...stored, target: 'node', format: 'int8', url: '/c.onnx', bytes: 30, sha256: 'cc', sessionOptions: { extra: { session: { key: '0' } } } },
      ],
      report: { format: 'int8-storage', ratio: 0.25, cosine: null },
    });
  });

  it('tells GPUs the largest tensor that they will hold', () => {
    const weight = (scheme: string, bytesBefore: number, bytesAfter: number): ModelReport['weights'][number] => ({ tensor: scheme, ops: ['MatMul'], dims: [], dtype: 'float32', scheme, bytesBefore, bytesAfter });
    const weights = [weight('int4', 4000, 600), weight('int8-storage', 1000, 260), weight('kept', 40, 40)];
    const { variants } = modelFacts([variant(['webgpu', 'wasm'], { ...report, weights })], null);
    expect(variants.map(({ largestTensorBytes }) => largestTensorBytes)).toEqual([1000, undefined]);
  });

  it('names the files of a variant that is compressed and in parts', async () => {
    const files = [{ file: '', bytes: 15, sha256: 'p1' }, { file: '', bytes: 5, sha256: 'p2' }];
    const facts = modelFacts([variant(['wasm'], report, {}, { encoding: 'gzip', files })], null);
    const { variants } = await evaluate<QuantizedModel>(modelModule(facts, new Map([['p1', '"/1"'], ['p2', '"/2"']])));
    const parts = [{ url: '/1', bytes: 15 }, { url: '/2', bytes: 5 }];
    expect(variants).toEqual([{ target: 'wasm', format: 'int8-storage', url: '/1', bytes: 25, sha256: 'bb', encoding: 'gzip', transferBytes: 20, parts, minOnnxruntime: '1.17.0', sessionOptions: {} }]);
  });

  it('tells the lowest cosine of all outputs', () => {
    const output = { name: 'y', meanCosine: 1, maxAbsError: 0, meanAbsError: 0, sqnr: null, top1Agreement: null, worstSample: 0 };
    const accuracy = { engine: 'onnxruntime-node', engineVersion: '1', samples: 1, synthetic: false, outputs: [{ ...output, cosine: 0.9 }, { ...output, cosine: 0.8 }] } as const;
    expect(modelFacts([variant(['wasm'], { ...report, accuracy: { ...accuracy, outputs: [...accuracy.outputs] } })], null).report.cosine).toBe(0.8);
  });
});

describe('urlModule', () => {
  it('exports the URL alone', async () => {
    expect(await evaluate<string>(urlModule('"/a.onnx"'))).toBe('/a.onnx');
  });
});
