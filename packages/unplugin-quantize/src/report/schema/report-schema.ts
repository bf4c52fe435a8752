import { FORMATS } from '../../option-tables.ts';
import type {
  AccuracyReport, ActivationError, ArtefactDataFile, Attempt, BaselineChange, BudgetResult, CompressedBytes, EnergyEstimate, EngineCheck, FirstVisit, IntegerShare, LatencyReport, ModelDetails, ModelReport,
  OutputAccuracy, RatioEstimate, SpeedFigures, TaskMetric, ValueHistogram, ValueSignature, WeightDecision, WeightError,
} from '../../types.ts';
import { about, count, flag, list, map, nullable, number, object, oneOf, sha256, text, type Schema } from './build.ts';

const engine = oneOf(['onnxruntime-node', 'onnxruntime-web']);
const format = oneOf(Object.keys(FORMATS));
const target = oneOf(['webgpu', 'wasm', 'node', 'node-cuda']);
const compressed = object<CompressedBytes>({ gzip: count, brotli: count }, {});
const signature = object<ValueSignature>({ name: text, dtype: text, dims: nullable(list({ anyOf: [number, text, { type: 'null' }] })) }, {});
const histogram = { from: number, to: number, counts: list(count) };

const decision = object<WeightDecision>({
  tensor: about('Name in the source model', text), ops: about('Operators that read it', list(text)), dims: list(count), dtype: text,
  scheme: about('What was done to it, or `kept`', text), bytesBefore: count, bytesAfter: count,
}, { reason: about('Why it was kept', text) });

const output = object<OutputAccuracy>({
  name: text, cosine: about('Lowest cosine similarity of a sample', number), meanCosine: number, maxAbsError: number, meanAbsError: number,
  sqnr: about('Signal to quantization noise in dB; null when the outputs are equal', nullable(number)),
  top1Agreement: nullable(number), worstSample: count,
}, { top5Agreement: nullable(number), klDivergence: nullable(number) });

const metric = object<TaskMetric>({
  name: text, from: oneOf(['labels', 'agreement', 'evaluate']), source: number, artefact: number, answers: nullable(count),
  margin: about('Half of the 95 % interval of source - artefact', nullable(number)),
}, {});

const accuracy = object<AccuracyReport>({
  engine, engineVersion: text, samples: count, synthetic: about('True where inputs were generated because no samples were given', flag), outputs: list(output),
}, { metrics: list(metric) });

const ratio = object<RatioEstimate>({ ratio: number, low: number, high: number }, {});
const speed = object<SpeedFigures>({ median: number, p95: number, throughput: number, load: number, peakMemory: count, modelMemory: number, runs: count }, {});
const energy = object<EnergyEstimate>({ arithmetic: number, memory: number, multiplyAdds: map(number), bytesMoved: number }, {});
const latency = object<LatencyReport>({
  engine, engineVersion: text, threads: nullable(count), rounds: count, synthetic: flag, source: speed, artefact: speed,
  ratio: object<LatencyReport['ratio']>({ latency: ratio, load: ratio, memory: number }, {}),
}, { energy: object<NonNullable<LatencyReport['energy']>>({ source: energy, artefact: energy, ratio: number, basis: text }, {}) });

const weightError = object<WeightError>({ tensor: text, nodes: list(text), sqnr: nullable(number), maxError: number }, {
  histogram: object<ValueHistogram & { stored: number[] }>({ ...histogram, stored: list(count) }, {}),
});
const activation = object<ActivationError>({ tensor: text, min: number, max: number, sqnr: nullable(number), histogram: object<ValueHistogram>(histogram, {}) }, {});

const integerShare = object<IntegerShare>({
  share: number, nodes: list(object<IntegerShare['nodes'][number]>({ node: text, op: text, kernel: nullable(text), multiplyAdds: number }, {})),
}, {});

const model = object<ModelReport>({
  name: about('Path of the model from the root of the project', text),
  requestedFormat: oneOf([...Object.keys(FORMATS), 'auto']),
  format: about('The format used; `none` where quantizing would have made the file larger', format),
  source: object<ModelReport['source']>({ bytes: count, sha256 }, { compressed }),
  artefact: object<ModelReport['artefact']>({ bytes: count, sha256, ratio: number, minOnnxruntime: text }, { data: object<ArtefactDataFile>({ location: text, bytes: count, sha256 }, {}), compressed }),
  inputs: list(signature),
  outputs: list(signature),
  weights: list(decision),
  notes: list(text),
  checks: list(object<EngineCheck>({ engine, version: nullable(text), outcome: oneOf(['ran', 'not-run']) }, { reason: text, note: text })),
  accuracy: nullable(accuracy),
  budget: list(object<BudgetResult>({ limit: text, asked: number, found: number, held: flag }, { margin: about('Half of the 95 % interval of what was found', number) })),
}, {
  targets: about('What the artefact is for', list(target)),
  needs: about('What a device must have to be given it', oneOf(['shader-f16'])),
  attempts: about('What was tried, in order, where more than one artefact was made', list(object<Attempt>({ format, bytes: count, cosine: nullable(number), metrics: list(metric), broken: list(text) }, { half: about('Weights in half precision', count) }))),
  baseline: about('What has changed against the committed baseline', list(object<BaselineChange>({ what: text, before: { anyOf: [number, text] }, after: { anyOf: [number, text] }, verdict: oneOf(['regressed', 'improved', 'changed']) }, {}))),
  integerShare,
  latency,
  firstVisit: about('What a browser downloads to run the artefact for the first time', object<FirstVisit>({ model: count, runtime: object<FirstVisit['runtime']>({ file: text, bytes: count }, { compressed }) }, { compressed })),
  details: about('Where an HTML report was asked for', object<ModelDetails>({ weights: list(weightError), activations: list(activation) }, {})),
});

/** The schema of quantize-report.json. */
export const REPORT_SCHEMA: Schema & Record<'$schema' | 'title', string> = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'quantize-report.json of unplugin-quantize',
  ...object<{ $schema?: string; version: 1; models: ModelReport[] }>(
    { version: { type: 'integer', minimum: 1 }, models: about('Sorted by name, format and hash', list(model)) },
    { $schema: text },
  ),
};
