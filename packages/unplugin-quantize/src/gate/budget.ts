import { QuantizeError } from '../errors.ts';
import { INSTALL_HINT } from '../evaluate/install-hint.ts';
import { alignColumns, printable } from '../report/index.ts';
import type { Budget, BudgetResult, ModelReport } from '../types.ts';
import { LIMIT_NAMES, LIMITS, type BudgetFacts } from './limits.ts';

/**
 * Holds what was found against each limit that was asked for.
 *
 * @throws QuantizeError when a cosine is asked for and was not measured: ENGINE_MISSING without an engine, SAMPLES_NOT_FOUND without
 *   samples, SAMPLES_INVALID when the model has no output that can be compared. A limit is never held by silence.
 */
export function judge(budget: Budget, facts: BudgetFacts): BudgetResult[] {
  if (budget.cosine !== undefined) assertMeasured(facts);
  return LIMIT_NAMES.flatMap((limit) => {
    const asked = budget[limit];
    if (asked === undefined) return [];
    const found = LIMITS[limit].find(facts);
    return [{ limit, asked, found, held: LIMITS[limit].sense === 'at least' ? found >= asked : found <= asked }];
  });
}

function assertMeasured({ accuracy, notMeasured }: BudgetFacts): void {
  const option = 'budget.cosine';
  if (accuracy === null && notMeasured === 'no engine') {
    throw new QuantizeError('ENGINE_MISSING', 'A budget for accuracy needs an engine to measure it in.', {
      option,
      hint: INSTALL_HINT,
    });
  }
  if (accuracy === null) {
    throw new QuantizeError('SAMPLES_NOT_FOUND', 'A budget for accuracy needs samples, and none were given or could be generated.', {
      option,
      hint: 'Give `calibration`: a module that yields inputs of the model, or an .npz file.',
    });
  }
  if (accuracy.outputs.length === 0) {
    throw new QuantizeError('SAMPLES_INVALID', 'A budget for accuracy was asked for, but no output of the model can be compared.', {
      option,
      hint: 'Text, sequences and maps have no cosine: leave budget.cosine out for this model.',
    });
  }
}

/**
 * Passes when every limit is held.
 *
 * @throws QuantizeError BUDGET_BROKEN with a table of what was asked and what was found, for each limit and output
 */
export function assertHeld(report: ModelReport, results: readonly BudgetResult[] = report.budget): void {
  const broken = results.filter(({ held }) => !held);
  if (broken.length === 0) return;
  const rows = [['limit', 'asked', 'found', ''], ...results.flatMap((result) => describeResult(result, report))];
  const what = [
    `${printable(report.name)} as ${report.format} does not hold its budget:`,
    ...alignColumns(rows).map((line) => `  ${line}`),
    `${broken.length} of ${results.length} limits broken`,
  ];
  throw new QuantizeError('BUDGET_BROKEN', what.join('\n'), {
    model: report.name,
    hint: `To pass, ${broken.map(({ limit }) => LIMITS[limit].advice).join('; ')}.`,
  });
}

/** A row for the limit and, for a cosine over several outputs, one for each of them. */
function describeResult({ limit, asked, found, held }: BudgetResult, { accuracy }: ModelReport): string[][] {
  const { sense, show } = LIMITS[limit];
  const row = [limit, `${sense} ${show(asked)}`, show(found), held ? 'held' : 'BROKEN'];
  if (limit !== 'cosine' || accuracy === null) return [row];
  const outputs = accuracy.outputs.map(({ name, cosine, worstSample }) => [
    '',
    '',
    show(cosine),
    `${cosine >= asked ? 'held' : 'BROKEN'} by output "${printable(name)}", lowest at sample ${worstSample}${accuracy.synthetic ? ' (generated input)' : ''}`,
  ]);
  return [row, ...outputs];
}
