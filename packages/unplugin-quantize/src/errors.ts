import { printable, printableLines } from './printable.ts';

/** Every reason for which this package refuses to go on. The README documents one line for each. */
export type ErrorCode =
  | 'MODEL_NOT_FOUND'
  | 'MODEL_EMPTY'
  | 'MODEL_NOT_ONNX'
  | 'MODEL_TRUNCATED'
  | 'MODEL_INVALID'
  | 'MODEL_TOO_LARGE'
  | 'MODEL_CHANGED'
  | 'OPSET_UNSUPPORTED'
  | 'EXTERNAL_DATA_MISSING'
  | 'EXTERNAL_DATA_OUTSIDE'
  | 'OPTION_UNKNOWN'
  | 'OPTION_INVALID'
  | 'SAMPLES_NOT_FOUND'
  | 'SAMPLES_INVALID'
  | 'READER_MISSING'
  | 'STORAGE_MISSING'
  | 'ENGINE_MISSING'
  | 'ENGINE_REJECTED'
  | 'EVALUATOR_FAILED'
  | 'METRIC_MISSING'
  | 'BUDGET_BROKEN'
  | 'BASELINE_BROKEN'
  | 'BASELINE_INVALID'
  | 'REPORT_INVALID'
  | 'WRITE_FAILED'
  | 'WORKER_FAILED';

export interface ErrorPlace {
  /** Path or name of the model file. */
  model?: string | undefined;
  /** Name of the node or tensor inside the model. */
  node?: string | undefined;
  /** Name of the option, query key or samples entry. */
  option?: string | undefined;
  /** What to do about it: one sentence. */
  hint?: string | undefined;
  cause?: unknown;
}

/** A refusal that says what is wrong, where, and what to do. Nothing has been written when it is thrown. */
export class QuantizeError extends Error {
  override readonly name = 'QuantizeError';
  readonly code: ErrorCode;
  readonly model: string | undefined;
  readonly node: string | undefined;
  readonly option: string | undefined;
  readonly hint: string | undefined;
  /** The message without place and hint, so that the error can be told again with a better place. */
  readonly what: string;

  constructor(code: ErrorCode, what: string, place: ErrorPlace = {}) {
    const told = oneLine(code, what);
    super(describe(code, told, place), place.cause === undefined ? undefined : { cause: place.cause });
    this.code = code;
    this.what = told;
    this.model = place.model;
    this.node = place.node;
    this.option = place.option;
    this.hint = place.hint;
  }

  /** The same error with the model's name filled in, for rooms that do not know the file they work on. */
  withModel(model: string): QuantizeError {
    if (this.model !== undefined) return this;
    const { node, option, hint, cause } = this;
    return new QuantizeError(this.code, this.what, { model, node, option, hint, cause });
  }
}

/** Codes whose text is a table. */
const TABLES: readonly ErrorCode[] = ['BUDGET_BROKEN', 'BASELINE_BROKEN'];

/** Names of models get into messages, and messages into terminals and logs, where a new line could begin a command of the workflow. */
function oneLine(code: ErrorCode, what: string): string {
  return TABLES.includes(code) ? printableLines(what) : printable(what.trim().replace(/\s*[\r\n]\s*/g, ' '));
}

function describe(code: ErrorCode, what: string, place: ErrorPlace): string {
  const lines = [`${what} [${code}]`];
  if (place.model !== undefined) lines.push(`  model: ${printable(place.model)}`);
  if (place.node !== undefined) lines.push(`  node: ${printable(place.node)}`);
  if (place.option !== undefined) lines.push(`  option: ${printable(place.option)}`);
  if (place.hint !== undefined) lines.push(`  hint: ${oneLine(code, place.hint)}`);
  return lines.join('\n');
}

/** The errors of a gate: the input was fine, and what came of it is not. */
export function isGateError(error: unknown): error is QuantizeError {
  return error instanceof QuantizeError && (error.code === 'BUDGET_BROKEN' || error.code === 'BASELINE_BROKEN');
}

/** Node's error code (`ENOENT`, `ENOSPC`...) of an unknown thrown value. */
export function systemErrorCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}
