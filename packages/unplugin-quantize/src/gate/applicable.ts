import { QuantizeError } from '../errors.ts';
import type { Budget, FormatChoice, ModelReport } from '../types.ts';

type Judged = Pick<ModelReport, 'requestedFormat' | 'format' | 'integerShare'>;

/** The limits that concern an artefact, and what is to be said of the others. */
export interface ApplicableBudget {
  budget: Budget;
  notes: string[];
}

/** Of a budget for all models what concerns one: a model that is imported as it is cannot shrink or lose accuracy, only its size in bytes counts. */
export function budgetOf(budget: Budget, requestedFormat: FormatChoice): Budget {
  if (requestedFormat !== 'none') return budget;
  return budget.maxBytes === undefined ? {} : { maxBytes: budget.maxBytes };
}

/** Of a budget for all artefacts of a model what concerns one of them: an artefact that computes in floats has no share of integer work. */
export function applicableBudget(budget: Budget, { requestedFormat, format, integerShare }: Judged): ApplicableBudget {
  const concerned = budgetOf(budget, requestedFormat);
  if (concerned.integerShare === undefined || integerShare !== undefined) return { budget: concerned, notes: [] };
  const { integerShare: _, ...rest } = concerned;
  return { budget: rest, notes: [`budget.integerShare does not apply to ${format}, which has no integer kernels with fixed scales.`] };
}

/**
 * A limit that concerns none of a model's artefacts is never held by silence.
 *
 * @throws QuantizeError METRIC_MISSING
 */
export function assertApplied(budget: Budget, reports: readonly Judged[]): void {
  const asked = reports.filter(({ requestedFormat }) => requestedFormat !== 'none');
  if (budget.integerShare === undefined || asked.length === 0 || asked.some(({ integerShare }) => integerShare !== undefined)) return;
  throw new QuantizeError('METRIC_MISSING', 'A share of integer work was asked for, and no artefact has integer kernels with fixed scales.', { option: 'budget.integerShare', hint: 'Use int8-static, or int8 with samples.' });
}
