import { assertHeld } from '../gate/index.ts';
import { QuantizeError } from '../errors.ts';
import { MEASURED_LIMITS, type ArtefactOptions } from '../options.ts';
import type { Attempt, BudgetResult, Format, ModelReport } from '../types.ts';
import { backOff, type BackOffTools } from './back-off.ts';
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

/**
 * `auto` means the smallest artefact that holds the budget, whatever is to be done about formats that a user chose; without samples it is one of the
 * formats.
 */
export function forgiving(options: ArtefactOptions, { requestedFormat }: Pick<VariantPlan, 'requestedFormat'>): ArtefactOptions {
  return requestedFormat === 'auto' && options.onFail === 'error' ? { ...options, onFail: options.calibration === undefined ? 'fallback' : 'back-off' } : options;
}

/** What came of a request: the artefact to use, and why the build has to fail where it does. */
export interface Outcome<T> {
  result: T;
  /** BUDGET_BROKEN, unless the budget is held or `onFail` lets it pass. */
  error?: QuantizeError;
}

export interface HoldBudgetTools<T extends { report: ModelReport }> extends Omit<BackOffTools<T>, 'isHeld'> {
  /** Told of a broken budget that is let pass. */
  warn(message: string): void;
  /** Told of each artefact that was tried in place of the first. */
  tried?(attempt: Attempt): void;
}

/**
 * Makes an artefact and judges it; where its budget is broken does what `onFail` says. Another artefact helps only where all that is broken is accuracy:
 * those that keep more are larger.
 *
 * @throws whatever the tools throw
 */
export async function holdBudget<T extends { report: ModelReport }>(options: ArtefactOptions, tools: HoldBudgetTools<T>): Promise<Outcome<T>> {
  const first = await tools.attempt(options);
  const error = brokenBudget(first.report);
  if (error === undefined) return { result: first };
  if (options.onFail === 'warn') {
    tools.warn(error.message);
    return { result: first };
  }
  if (options.onFail === 'error') return { result: first, error };
  const attempts = [attemptOf(first.report)];
  const attempt = async (tried: ArtefactOptions): Promise<T> => {
    const made = await tools.attempt(tried);
    const half = tried.half.length - options.half.length;
    attempts.push({ ...attemptOf(made.report), ...(half > 0 && { half }) });
    tools.tried?.(attempts.at(-1)!);
    return made;
  };
  const found = await search(options, first, { ...tools, attempt });
  if (found === undefined) return { result: { ...first, report: { ...first.report, attempts } }, error: withAttempts(error, attempts) };
  return { result: { ...found.result, report: replaced(options.format, first.report, { ...found.result.report, attempts }, found.kept) } };
}

interface Found<T> {
  result: T;
  /** Weights that were kept in half precision. */
  kept: string[];
}

/** The smallest artefact that holds, of the format and those that keep more, with and without weights in half precision. */
async function search<T extends { report: ModelReport }>(options: ArtefactOptions, first: T, tools: HoldBudgetTools<T>): Promise<Found<T> | undefined> {
  const isHeld = ({ report }: T): boolean => brokenBudget(report) === undefined;
  let best: Found<T> | undefined;
  let plain = first;
  for (let format: Format | undefined = options.format; ;) {
    if (options.onFail === 'back-off' && losesOnlyAccuracy(plain.report)) {
      const found = await backOff({ ...options, format }, plain, { ...tools, isHeld, ...(best && { useless: best.result.report.artefact.bytes }) });
      if (found !== undefined && found.result.report.artefact.bytes < (best?.result.report.artefact.bytes ?? Infinity)) best = found;
    }
    format = KEEPS_MORE[format];
    if (format === undefined || !losesOnlyAccuracy(plain.report)) return best;
    plain = await tools.attempt({ ...options, format });
    if (best !== undefined && plain.report.artefact.bytes >= best.result.report.artefact.bytes) return best;
    if (isHeld(plain)) return { result: plain, kept: [] };
  }
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

const SHOWN = 5;

function replaced(asked: Format, { budget }: ModelReport, report: ModelReport, kept: readonly string[]): ModelReport {
  const broken = budget.filter(({ held }) => !held).map(tell).join(', ');
  const weights = kept.length === 0 ? '' : ` with ${kept.length === 1 ? 'one weight' : `${kept.length} weights`} in half precision (${kept.slice(0, SHOWN).join(', ')}${kept.length > SHOWN ? '...' : ''})`;
  return { ...report, requestedFormat: asked, notes: [`As ${asked} the model does not hold its budget (${broken}): ${report.format} is used${weights}.`, ...report.notes] };
}

function tell({ limit, asked, found }: BudgetResult): string {
  const [a, b] = [found, asked].map((value) => Number(value.toPrecision(6)));
  return `${limit} ${a} where ${b} was asked`;
}

function withAttempts(error: QuantizeError, attempts: readonly Attempt[]): QuantizeError {
  const tried = attempts.slice(1).map(({ format, half, broken }) => `  ${format}${half === undefined ? '' : ` with ${half} weights in half precision`}: ${broken.join(', ') || 'held'}`);
  const what = tried.length === 0 ? error.what : [error.what, 'Formats that keep more break limits too:', ...tried].join('\n');
  const { model, node, option, hint } = error;
  return new QuantizeError(error.code, what, { model, node, option, hint });
}
