import { assertHeld } from '../gate/index.ts';
import { QuantizeError } from '../errors.ts';
import { MEASURED_LIMITS, type ArtefactOptions } from '../options.ts';
import type { Attempt, BudgetResult, Format, ModelReport } from '../types.ts';
import type { VariantPlan } from './plan-variants.ts';

/** The format that keeps more of a model's accuracy and is the next smallest; the source itself comes last. */
const KEEPS_MORE: Record<Format, Format | undefined> = {
  'int4-storage': 'int8-storage',
  'int4': 'int8-weight',
  'int4-fp16': 'fp16',
  'int8-weight': 'int8-storage',
  'int8': 'int8-storage',
  'int8-static': 'int8-dynamic',
  'int8-dynamic': 'int8-storage',
  'int8-storage': 'fp16-storage',
  'fp16': 'fp16-storage',
  'fp16-storage': 'none',
  'none': undefined,
};

/** `auto` means a format that holds the budget, whatever is to be done about formats that a user chose. */
export function forgiving(options: ArtefactOptions, { requestedFormat }: Pick<VariantPlan, 'requestedFormat'>): ArtefactOptions {
  return requestedFormat === 'auto' && options.onFail === 'error' ? { ...options, onFail: 'fallback' } : options;
}

/** What came of a request: the artefact to use, and why the build has to fail where it does. */
export interface Outcome<T> {
  result: T;
  /** BUDGET_BROKEN, unless the budget is held or `onFail` lets it pass. */
  error?: QuantizeError;
}

/**
 * Makes an artefact and judges it; where its budget is broken does what `onFail` says. A fallback helps only where all that is broken is accuracy:
 * formats that keep more are larger.
 *
 * @param attempt makes the artefact of a format and its report
 * @param warn told of a broken budget that is let pass
 * @throws whatever `attempt` throws
 */
export async function holdBudget<T extends { report: ModelReport }>(
  options: ArtefactOptions, attempt: (options: ArtefactOptions) => Promise<T>, warn: (message: string) => void,
): Promise<Outcome<T>> {
  const first = await attempt(options);
  const error = brokenBudget(first.report);
  if (error === undefined) return { result: first };
  if (options.onFail === 'warn') {
    warn(error.message);
    return { result: first };
  }
  if (options.onFail === 'error') return { result: first, error };
  const attempts = [attemptOf(first.report)];
  for (let last = first.report, format = KEEPS_MORE[options.format]; format !== undefined && losesOnlyAccuracy(last); format = KEEPS_MORE[format]) {
    const next = await attempt({ ...options, format });
    last = next.report;
    attempts.push(attemptOf(last));
    if (brokenBudget(last) === undefined) return { result: { ...next, report: fallenBack(options.format, first.report, { ...last, attempts }) } };
  }
  return { result: { ...first, report: { ...first.report, attempts } }, error: withAttempts(error, attempts) };
}

function brokenBudget(report: ModelReport): QuantizeError | undefined {
  try {
    assertHeld(report);
    return undefined;
  } catch (error) {
    if (error instanceof QuantizeError) return error;
    throw error;
  }
}

/** What the report keeps of an artefact that was tried. */
export function attemptOf({ format, artefact, accuracy, budget }: ModelReport): Attempt {
  const cosines = (accuracy?.outputs ?? []).map(({ cosine }) => cosine);
  return { format, bytes: artefact.bytes, cosine: cosines.length === 0 ? null : Math.min(...cosines), metrics: accuracy?.metrics ?? [], broken: budget.filter(({ held }) => !held).map(({ limit }) => limit) };
}

function losesOnlyAccuracy({ budget }: ModelReport): boolean {
  return budget.every(({ held, limit }) => held || MEASURED_LIMITS.some((key) => key === limit.split('.')[0]));
}

function fallenBack(asked: Format, { budget }: ModelReport, report: ModelReport): ModelReport {
  const broken = budget.filter(({ held }) => !held).map(tell).join(', ');
  return { ...report, requestedFormat: asked, notes: [`As ${asked} the model does not hold its budget (${broken}): ${report.format} is used.`, ...report.notes] };
}

function tell({ limit, asked, found }: BudgetResult): string {
  const [a, b] = [found, asked].map((value) => Number(value.toPrecision(4)));
  return `${limit} ${a} where ${b} was asked`;
}

function withAttempts(error: QuantizeError, attempts: readonly Attempt[]): QuantizeError {
  const tried = attempts.slice(1).map(({ format, broken }) => `  ${format}: ${broken.join(', ')}`);
  const what = tried.length === 0 ? error.what : [error.what, 'Formats that keep more break limits too:', ...tried].join('\n');
  const { model, node, option, hint } = error;
  return new QuantizeError(error.code, what, { model, node, option, hint });
}
