import { QuantizeError, type ErrorPlace } from '../../errors.ts';
import { nodeLabel } from '../../graph/index.ts';
import { valueKey, type GraphView } from './views.ts';
import { staticOperator } from './operators.ts';
import type { TensorStatistics } from './statistics.ts';

/** What samples told of a value, or of the one that it is only a part or another shape of; undefined where they told nothing. */
export function findStatistics(view: GraphView, name: string): TensorStatistics | undefined {
  for (let value = name; ;) {
    const found = view.context.statistics.get(valueKey(view, value));
    const producer = view.edges.producers.get(value);
    if (found !== undefined || producer === undefined || staticOperator(producer)?.role !== 'mover') return found;
    value = producer.input[0]!;
  }
}

/** @throws QuantizeError SAMPLES_INVALID when nothing was told, or a range that is none */
export function statisticsOf(view: GraphView, name: string): TensorStatistics {
  const { context, edges } = view;
  const producer = edges.producers.get(name);
  const place = { model: context.model.name, node: producer === undefined ? name : nodeLabel(producer) };
  const found = findStatistics(view, name);
  if (found !== undefined) {
    assertRange(found, place, `The value "${name}"`);
    return found;
  }
  throw new QuantizeError('SAMPLES_INVALID', `Samples told nothing of the value "${name}".`, { ...place, hint: 'Observe this model, and with the same options, before it is quantized.' });
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
