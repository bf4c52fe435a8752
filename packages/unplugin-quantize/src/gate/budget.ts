import { QuantizeError } from '../errors.ts';
import { INSTALL_HINT } from '../evaluate/install-hint.ts';
import { didYouMean } from '../suggest.ts';
import type { Budget, BudgetResult, TaskMetric } from '../types.ts';
import { askedLimits, type AskedLimit, type BudgetFacts } from './limits.ts';

/**
 * Holds what was found against each limit that was asked for. Where the 95 % interval of a figure is known, only what lies outside it breaks a limit:
 * with few samples a difference may be chance.
 *
 * @throws QuantizeError when a figure is asked for that was not measured: ENGINE_MISSING without an engine, SAMPLES_NOT_FOUND without
 *   samples, SAMPLES_INVALID when the model has no output that can be compared, METRIC_MISSING when nothing counts the metric. A limit is never
 *   held by silence.
 */
export function judge(budget: Budget, facts: BudgetFacts): BudgetResult[] {
  return askedLimits(budget).map((limit) => {
    const { name, asked, sense } = limit;
    const { found, margin } = limit.find(facts, assertKnown(limit, facts));
    const [low, high] = [found - (margin ?? 0), found + (margin ?? 0)];
    return { limit: name, asked, found, ...(typeof margin === 'number' && { margin }), held: sense === 'at least' ? high >= asked : low <= asked };
  });
}

/** @returns the metric that the limit is about */
function assertKnown({ needs, name, metric }: AskedLimit, facts: BudgetFacts): TaskMetric | undefined {
  const option = `budget.${name}`;
  if (needs === 'integerShare' && facts.integerShare === undefined) {
    throw new QuantizeError('METRIC_MISSING', 'A share of integer work was asked for, and the format has no integer kernels with fixed scales.', { option, hint: 'Use int8-static, or int8 with samples.' });
  }
  if ((needs === 'compressed' || needs === 'latency') && facts[needs] === undefined) {
    throw new QuantizeError('METRIC_MISSING', `A limit for ${needs === 'latency' ? 'latency' : 'compressed bytes'} was asked for where it is not measured.`, { option, hint: `Leave ${option} out here.` });
  }
  if (needs !== 'outputs' && needs !== 'metric') return undefined;
  const { accuracy, notMeasured } = facts;
  if (accuracy === null && notMeasured === 'no engine') {
    throw new QuantizeError('ENGINE_MISSING', 'A budget for accuracy needs an engine to measure it in.', { option, hint: INSTALL_HINT });
  }
  if (accuracy === null) {
    throw new QuantizeError('SAMPLES_NOT_FOUND', 'A budget for accuracy needs samples, and none were given or could be generated.', {
      option,
      hint: 'Give `calibration`: a module that yields inputs of the model, or an .npz file.',
    });
  }
  if (needs === 'metric') return assertMetric(metric!, accuracy.metrics ?? [], option);
  if (accuracy.outputs.length === 0) {
    throw new QuantizeError('SAMPLES_INVALID', 'A budget for accuracy was asked for, but no output of the model can be compared.', {
      option,
      hint: `Text, sequences and maps have no cosine: leave ${option} out for this model.`,
    });
  }
  return undefined;
}

function assertMetric(name: string, metrics: readonly TaskMetric[], option: string): TaskMetric {
  const metric = metrics.find((each) => each.name === name);
  if (metric !== undefined) return metric;
  const known = metrics.map((each) => each.name);
  throw new QuantizeError('METRIC_MISSING', `Nothing measures the metric "${name}"${known.length > 0 ? ` (measured: ${known.join(', ')})` : ': no output has scores of classes'}.`, {
    option,
    hint: known.length > 0 && name !== 'accuracy' ? didYouMean(name, known) : 'Give `evaluate`: a module whose function runs the model and returns the metric.',
  });
}
