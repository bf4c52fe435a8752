import { QuantizeError } from '../../errors.ts';
import type { CalibrationMethod } from '../../options.ts';
import type { Tap, TensorStatistics } from '../../quantize/index.ts';
import type { SampleTensor } from '../tensor.ts';
import { tensorCollector } from './tensor-collector.ts';

/** Gathers the statistics of all taps, sample after sample. */
export interface StatisticsCollector {
  /**
   * Takes the outputs of one run.
   *
   * @throws QuantizeError SAMPLES_INVALID naming tensor and sample when a value is NaN or infinite
   */
  add(outputs: Readonly<Record<string, SampleTensor>>, sample: number): void;
  /** A tensor that was empty in every run is not in it. */
  result(): { statistics: Map<string, TensorStatistics>; notes: string[] };
}

/** @param producer describes the node that computes a tensor, for errors */
export function statisticsCollector(taps: readonly Tap[], method: CalibrationMethod, producer: (tensor: string) => string): StatisticsCollector {
  const collectors = new Map(taps.map((tap) => [tap.name, tensorCollector(tap, method)]));
  return {
    add(outputs, sample) {
      for (const [name, collector] of collectors) {
        const { data, dims } = outputs[name]!;
        if (!collector.add(data as Float32Array, dims)) throw notFinite(name, producer(name), sample);
      }
    },
    result() {
      const found = [...collectors].flatMap(([name, collector]) => {
        const result = collector.result();
        return result === undefined ? [] : [{ name, ...result }];
      });
      return { statistics: new Map(found.map(({ name, statistics }) => [name, statistics])), notes: found.flatMap(({ notes }) => notes) };
    },
  };
}

/** Sums of activations and activations themselves are refused alike. */
export function notFinite(tensor: string, producer: string, sample: number): QuantizeError {
  return new QuantizeError('SAMPLES_INVALID', `In sample ${sample} the tensor "${tensor}" has values that are NaN or infinite: no range holds them.`, {
    node: producer,
    hint: 'Look at the values of this sample; or exclude the node, if the model computes so on purpose.',
  });
}
