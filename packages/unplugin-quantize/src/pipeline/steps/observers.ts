import { notFinite, statisticsCollector, type SampleTensor } from '../../calibrate/index.ts';
import { QuantizeError } from '../../errors.ts';
import { scopesOf } from '../../graph/index.ts';
import { readModel, type Payload } from '../../onnx/index.ts';
import { gainsFromSamples, hessianSums, observeActivations, observeSource, type Observation as Product, type QuantizeOptions, type Tap } from '../../quantize/index.ts';
import type { CalibratePlan } from './calibrate-plan.ts';
import { withModelFile } from '../files/file-source.ts';
import type { Observation } from '../cache/observed-file.ts';

/** Looks at the further outputs of an observing model. */
export interface Observer {
  outputs: string[];
  /** False when the runs may end: nothing would be made of the others. */
  take(outputs: Record<string, SampleTensor>, sample: number): boolean;
  result(): Observation;
  /** Whether something is made of what was seen. */
  isUsed(): boolean;
}

export interface ObserverTask extends Pick<CalibratePlan, 'observes' | 'method'> {
  name: string;
  source: string;
  options: QuantizeOptions;
}

/**
 * Makes the observing model and what looks at its outputs; with no outputs there is nothing to run.
 *
 * @param write puts the model into a file
 * @throws QuantizeError when the model cannot be read (see quantizeSource), and what `write` throws; `take` SAMPLES_INVALID
 */
export function openObserver(task: ObserverTask, path: string, write: (stream: Payload) => void): Observer {
  return withModelFile(task.source, task.name, ({ source, files }) => {
    const producer = (tensor: string): string => producerOf(path, tensor);
    if (task.observes === 'products') {
      const { stream, observations } = observeSource(source, files, task.options);
      if (observations.length > 0) write(stream);
      return productObserver(observations, producer);
    }
    const { stream, taps, observations } = observeActivations(source, files, task.options);
    const watched = { taps, observations };
    const problem = taps.length > 0 ? tryWriting(() => write(stream)) : undefined;
    if (task.options.format === 'int8') return optionalObserver(task, problem === undefined ? watched : { taps: [], observations: [] }, producer, problem?.what);
    if (problem !== undefined) throw problem;
    return activationObserver(task, watched, producer);
  });
}

/** The refusal of a model that is too large to be observed. */
function tryWriting(write: () => void): QuantizeError | undefined {
  try {
    write();
    return undefined;
  } catch (error) {
    if (error instanceof QuantizeError && error.code === 'MODEL_TOO_LARGE') return error;
    throw error;
  }
}

interface Watched {
  taps: readonly Tap[];
  /** Inputs of products, where weights are to be reconstructed. */
  observations: readonly Product[];
}

function activationObserver({ method }: ObserverTask, { taps, observations }: Watched, producer: (tensor: string) => string): Observer {
  const collector = statisticsCollector(taps, method, producer);
  const products = observations.length === 0 ? undefined : productObserver(observations, producer);
  return {
    outputs: [...taps.map(({ name }) => name), ...(products?.outputs ?? [])],
    take(outputs, sample) {
      collector.add(outputs, sample);
      return products?.take(outputs, sample) ?? true;
    },
    result: () => ({ ...products?.result(), ...collector.result() }),
    isUsed: () => true,
  };
}

/** For `int8`, which can do without: the first sample tells whether fixed scales gain anything, and activations that have none are only noted. */
function optionalObserver(task: ObserverTask, watched: Watched, producer: (tensor: string) => string, problem?: string): Observer {
  const observer = activationObserver(task, watched, producer);
  let gains = watched.taps.length > 0;
  return {
    ...observer,
    take(outputs, sample) {
      try {
        observer.take(outputs, sample);
      } catch (error) {
        if (!(error instanceof QuantizeError)) throw error;
        problem = error.what;
        return false;
      }
      if (sample === 0) gains = gainsFrom(task, observer);
      return gains;
    },
    result() {
      if (problem !== undefined) return { notes: [`No fixed scales: ${problem}`] };
      if (watched.taps.length === 0) return { notes: [] };
      return gains ? observer.result() : { statistics: observer.result().statistics, notes: [] };
    },
    isUsed: () => gains && problem === undefined,
  };
}

function gainsFrom({ source: path, name, options }: ObserverTask, observer: Observer): boolean {
  return withModelFile(path, name, ({ source, files }) => gainsFromSamples(source, files, options, observer.result().statistics!));
}

function productObserver(products: readonly Product[], producer: (tensor: string) => string): Observer {
  const sums = hessianSums(products);
  return {
    outputs: products.map(({ output }) => output),
    take(outputs, sample) {
      const values = Object.fromEntries(products.map(({ output }) => [output, outputs[output]!.data as Float32Array]));
      for (const { output, K, weights } of products) {
        // NaN and infinities of an input show on the diagonal, where squares are added.
        for (let k = 0; k < K; k++) if (!Number.isFinite(values[output]![k * K + k])) throw notFinite(`input of ${weights[0]!}`, producer(output), sample);
      }
      sums.add(values);
      return true;
    },
    result: () => ({ hessians: sums.result(), notes: [] }),
    isUsed: () => products.length > 0,
  };
}

/** The node that computes a tensor: its name, or its operator where it has none. */
function producerOf(path: string, tensor: string): string {
  const found = withModelFile(path, path, ({ source }) => {
    const nodes = scopesOf(readModel(source)).flatMap(({ graph, path: body }) => graph.node.map((node) => ({ node, body })));
    // In bodies the key of a value is its name behind the path; the main graph only hands it out.
    return nodes.findLast(({ node, body }) => node.output.some((name) => body + name === tensor));
  });
  if (found === undefined) return tensor;
  const { node, body } = found;
  return node.name === '' ? `${node.opType} ${tensor}` : body + node.name;
}
