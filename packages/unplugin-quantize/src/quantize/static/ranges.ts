import { QuantizeError, type ErrorPlace } from '../../errors.ts';
import { nodeLabel } from '../../graph/index.ts';
import type { MainGraph } from './candidates.ts';
import { staticOperator } from './operators.ts';
import type { TensorStatistics } from './statistics.ts';

/**
 * What samples told of a value, or of the one that it is only a part or another shape of.
 *
 * @throws QuantizeError SAMPLES_INVALID when nothing was told, or a range that is none
 */
export function statisticsOf({ context, edges }: MainGraph, name: string): TensorStatistics {
  const place = { model: context.model.name, node: labelOf(name) };
  for (let value = name; ;) {
    const found = context.statistics.get(value);
    if (found !== undefined) {
      assertRange(found, place, `The value "${name}"`);
      return found;
    }
    const producer = edges.producers.get(value);
    if (producer === undefined || staticOperator(producer)?.role !== 'mover') break;
    value = producer.input[0]!;
  }
  throw new QuantizeError('SAMPLES_INVALID', `Samples told nothing of the value "${name}".`, { ...place, hint: 'Observe this model, and with the same options, before it is quantized.' });

  function labelOf(value: string): string {
    const producer = edges.producers.get(value);
    return producer === undefined ? value : nodeLabel(producer);
  }
}

/** @throws QuantizeError SAMPLES_INVALID for a range that is NaN, infinite or upside down */
export function assertRange({ min, max }: Pick<TensorStatistics, 'min' | 'max'>, place: ErrorPlace, what: string): void {
  if (min <= max && Number.isFinite(Math.fround(min)) && Number.isFinite(Math.fround(max))) return;
  const isUpsideDown = min > max;
  throw new QuantizeError('SAMPLES_INVALID', `${what} has the range ${min} to ${max}${isUpsideDown ? ', which is empty' : ' on the samples'}.`, {
    ...place,
    hint: isUpsideDown ? 'Observe at least one sample.' : 'Look for the samples that make the node NaN or infinite, or exclude it by name.',
  });
}
