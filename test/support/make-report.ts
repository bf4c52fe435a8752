import type { LatencyReport, ModelReport, OutputAccuracy, SpeedFigures } from '../../packages/unplugin-quantize/src/types.ts';

export const output = (figures: Partial<OutputAccuracy> = {}): OutputAccuracy =>
  ({ name: 'y', cosine: 0.9991, meanCosine: 0.9995, maxAbsError: 0.12, meanAbsError: 0.01, sqnr: 28.4, top1Agreement: 0.984, worstSample: 3, ...figures });

const speed = (median: number, peakMemory: number): SpeedFigures => ({ median, p95: median * 1.3, throughput: 1000 / median, load: median * 4, peakMemory, modelMemory: peakMemory / 2, runs: 100 });

export const latency: LatencyReport = {
  engine: 'onnxruntime-node', engineVersion: '1.30.0', threads: 1, rounds: 9, synthetic: false,
  source: speed(12.5, 2e8), artefact: speed(5.1, 9e7),
  ratio: { latency: { ratio: 0.41, low: 0.39, high: 0.43 }, load: { ratio: 0.6, low: 0.5, high: 0.7 }, memory: 0.45 },
};

/** A report of which every part is filled. */
export function makeReport(own: Partial<ModelReport> = {}): ModelReport {
  return {
    name: 'models/det.onnx',
    targets: ['wasm'],
    requestedFormat: 'int8',
    format: 'int8',
    source: { bytes: 4_746_332, sha256: 'a'.repeat(64), compressed: { gzip: 4_300_000, brotli: 4_200_000 } },
    artefact: { bytes: 1_331_000, sha256: 'b'.repeat(64), ratio: 1_331_000 / 4_746_332, minOnnxruntime: '1.17.0', compressed: { gzip: 1_000_000, brotli: 950_000 } },
    inputs: [{ name: 'x', dtype: 'float32', dims: ['N', 3, null, 32] }],
    outputs: [{ name: 'y', dtype: 'float32', dims: null }],
    weights: [
      { tensor: 'conv.w', ops: ['Conv'], dims: [64, 3, 3, 3], dtype: 'float32', scheme: 'int8-storage', bytesBefore: 6912, bytesAfter: 1984 },
      { tensor: 'head.w', ops: ['MatMul'], dims: [512, 100], dtype: 'float32', scheme: 'int8-dynamic', bytesBefore: 204_800, bytesAfter: 51_600 },
      { tensor: 'scale', ops: ['Mul'], dims: [64], dtype: 'float32', scheme: 'kept', bytesBefore: 256, bytesAfter: 256, reason: 'has one dimension' },
    ],
    notes: ['Something that a reader must not miss.'],
    integerShare: { share: 0.91, nodes: [{ node: 'head', op: 'MatMul', kernel: 'QLinearMatMul', multiplyAdds: 51_200 }] },
    checks: [{ engine: 'onnxruntime-node', version: '1.30.0', outcome: 'ran' }, { engine: 'onnxruntime-web', version: null, outcome: 'not-run', reason: 'it is not installed' }],
    accuracy: {
      engine: 'onnxruntime-node', engineVersion: '1.30.0', samples: 40, synthetic: false, outputs: [output(), output({ name: 'z', cosine: 0.99999, sqnr: 50 })],
      metrics: [{ name: 'accuracy', from: 'labels', source: 0.9, artefact: 0.89, answers: 400, margin: 0.012 }],
    },
    latency,
    details: {
      weights: [
        { tensor: 'conv.w', nodes: ['/stem/Conv'], sqnr: 38.2, maxError: 0.004, histogram: { from: -1, to: 1, counts: [1, 5, 9, 5, 1], stored: [2, 4, 10, 4, 1] } },
        { tensor: 'head.w', nodes: ['/head/MatMul'], sqnr: null, maxError: 0 },
      ],
      activations: [{ tensor: '/stem/Relu_output_0', min: 0, max: 6, sqnr: 31.5, histogram: { from: 0, to: 6, counts: [90, 20, 4, 1] } }],
    },
    budget: [{ limit: 'cosine', asked: 0.99, found: 0.9991, held: true }, { limit: 'ratio', asked: 0.25, found: 0.2804, held: false }],
    baseline: [{ what: 'cosine', before: 0.9999, after: 0.9991, verdict: 'regressed' }, { what: 'bytes', before: 1_400_000, after: 1_331_000, verdict: 'improved' }],
    attempts: [{ format: 'int4', bytes: 800_000, cosine: 0.7, metrics: [{ name: 'accuracy', from: 'labels', source: 0.9, artefact: 0.6, answers: 400, margin: 0.03 }], broken: ['cosine'] }],
    ...own,
  };
}
