import type { CalibrationMethod } from '../../options.ts';
import { union } from './extremes.ts';
import { moveAverage } from './moving-average.ts';
import type { Range } from './range.ts';
import type { TensorCollector } from './tensor-collector.ts';

/**
 * Watches a value that was reduced in the graph (`Tap.isReduced`): of its values only the least and the largest are known, so nothing is clipped, but for
 * the average of the runs that a moving average is.
 */
export function reducedCollector(method: CalibrationMethod): TensorCollector {
  let extremes: Range | undefined;
  let average: Range | undefined;
  return {
    add([negated = 0, max = 0, isNaN = 0]) {
      const found = { min: 0 - negated, max };
      if (isNaN === 0 && found.min === Infinity && max === -Infinity) return true;
      if (isNaN !== 0 || !Number.isFinite(found.min) || !Number.isFinite(max)) return false;
      extremes = extremes === undefined ? found : union(extremes, found);
      average = average === undefined ? found : moveAverage(average, found);
      return true;
    },
    result() {
      const range = method === 'moving-average' ? average : extremes;
      return range === undefined ? undefined : { statistics: { ...range }, notes: [] };
    },
  };
}
