import { QuantizeError, type ErrorCode } from '../../errors.ts';

/** What a worker answers. Errors travel as plain data: structured clone drops the class and every own field of an Error. */
export type Outcome<T> = { ok: true; value: T } | { ok: false; error: PlainError };

interface PlainError {
  code: ErrorCode;
  what: string;
  model: string | undefined;
  node: string | undefined;
  option: string | undefined;
  hint: string | undefined;
  /** The stack of what lay behind it. */
  cause: string | undefined;
}

/** Runs a worker's task and catches what it throws. */
export async function outcomeOf<T>(task: () => T | Promise<T>): Promise<Outcome<T>> {
  try {
    return { ok: true, value: await task() };
  } catch (error) {
    return { ok: false, error: toPlain(error) };
  }
}

/** @throws QuantizeError the one that the worker's task threw, with code, place and hint */
export function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  const { code, what, cause, ...place } = outcome.error;
  throw new QuantizeError(code, what, { ...place, cause: cause === undefined ? undefined : new Error(cause) });
}

function toPlain(error: unknown): PlainError {
  if (error instanceof QuantizeError) {
    const { code, what, model, node, option, hint, cause } = error;
    return { code, what, model, node, option, hint, cause: cause === undefined ? undefined : stackOf(cause) };
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return { ...NOWHERE, code: 'WORKER_FAILED', what: `A worker failed: ${message}`, hint: REPORT_IT, cause: stackOf(error) };
}

export const REPORT_IT = 'This should not happen: please report it with the model and this message.';
const NOWHERE = { model: undefined, node: undefined, option: undefined };

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
