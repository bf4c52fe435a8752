import * as ort from 'onnxruntime-node';
import { bytesSource, readPayload } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { hessianSums, observeActivations, type QuantizeOptions, type Statistics, type Tap, type TensorStatistics } from '../../packages/unplugin-quantize/src/quantize/index.ts';
import { MODEL_DEFAULTS } from '../../packages/unplugin-quantize/src/options.ts';
import type { Model } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { quantize, type Quantized } from './quantize-model.ts';
import { bytesOf, type Feeds } from './run-model.ts';

/** Quantizes with fixed scales, whose ranges are those of the given samples. */
export async function quantizeStatic(source: Model | Uint8Array, samples: readonly Feeds[], options: Partial<QuantizeOptions> = {}): Promise<Quantized> {
  const bytes = source instanceof Uint8Array ? source : bytesOf(source);
  const all: QuantizeOptions = { ...MODEL_DEFAULTS, format: 'int8-static', keepNames: true, ...options };
  return quantize(bytes, all, undefined, { statistics: await minMaxStatistics(bytes, all, samples) });
}

/** Runs the observing model of a source over samples, and takes the smallest and largest value of everything that is watched. */
export async function minMaxStatistics(source: Uint8Array, options: QuantizeOptions, samples: Iterable<Feeds>): Promise<Statistics> {
  const { stream, taps } = observeActivations(bytesSource(source, 'test model'), undefined, options);
  const session = await ort.InferenceSession.create(readPayload(stream), { logSeverityLevel: 3, intraOpNumThreads: 1 });
  const found = new Map<string, Sums>();
  let runs = 0;
  for (const feeds of samples) {
    const outputs = await session.run(feeds, taps.map(({ name }) => name));
    for (const tap of taps) add(found, tap, outputs[tap.name]!);
    runs++;
  }
  await session.release();
  return new Map([...found].map(([name, sums]) => [name, statisticsOf(sums, runs)]));
}

/** The sums of outer products of what products read, by the name of the weight, as `reconstruct` wants them. */
export async function sumsOfInputs(source: Uint8Array, options: QuantizeOptions, samples: Iterable<Feeds>): Promise<Map<string, Float64Array>> {
  const { stream, observations } = observeActivations(bytesSource(source, 'test model'), undefined, { ...options, reconstruct: true });
  const session = await ort.InferenceSession.create(readPayload(stream), { logSeverityLevel: 3, intraOpNumThreads: 1 });
  const sums = hessianSums(observations);
  for (const feeds of samples) {
    const outputs = await session.run(feeds, observations.map(({ output }) => output));
    sums.add(Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, data as Float32Array])));
  }
  await session.release();
  return sums.result();
}

interface Sums {
  min: number;
  max: number;
  elements: number;
  channels: { min: Float32Array; max: Float32Array; sum: Float64Array } | undefined;
}

function add(found: Map<string, Sums>, { name, channelAxis, isReduced }: Tap, { data, dims }: ort.Tensor): void {
  const values = data as Float32Array;
  if (isReduced === true) {
    const sums = found.get(name) ?? { min: Infinity, max: -Infinity, elements: 0, channels: undefined };
    if (values[1] !== -Infinity) found.set(name, { ...sums, min: Math.min(sums.min, -values[0]!), max: Math.max(sums.max, values[1]!) });
    return;
  }
  if (values.length === 0) return;
  const axis = channelAxis === null ? 0 : (channelAxis + dims.length) % dims.length;
  const channels = channelAxis === null ? 0 : dims[axis]!;
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const sums = found.get(name) ?? { min: Infinity, max: -Infinity, elements: 0, channels: channels === 0 ? undefined : { min: new Float32Array(channels).fill(Infinity), max: new Float32Array(channels).fill(-Infinity), sum: new Float64Array(channels) } };
  found.set(name, sums);
  sums.elements += values.length;
  for (let i = 0; i < values.length; i++) {
    if (values[i]! < sums.min) sums.min = values[i]!;
    if (values[i]! > sums.max) sums.max = values[i]!;
  }
  if (sums.channels === undefined) return;
  const { min, max, sum } = sums.channels;
  for (let from = 0, channel = 0; from < values.length; from += inner, channel = (channel + 1) % channels) {
    for (let i = from; i < from + inner; i++) {
      const value = values[i]!;
      if (value < min[channel]!) min[channel] = value;
      if (value > max[channel]!) max[channel] = value;
      sum[channel]! += value;
    }
  }
}

function statisticsOf({ min, max, elements, channels }: Sums, runs: number): TensorStatistics {
  const statistics: TensorStatistics = { min, max, elements: elements / runs };
  if (channels !== undefined) statistics.channels = { min: channels.min, max: channels.max, mean: channels.sum.map((sum) => (sum * channels.sum.length) / elements) };
  return statistics;
}
