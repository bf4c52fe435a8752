/** Every reason for which the runtime refuses to go on. An abort is none of them: the signal's own reason is thrown. */
export type RuntimeErrorCode =
  | 'OPTION_INVALID'
  | 'NO_VARIANT'
  | 'HTTP_ERROR'
  | 'NETWORK_ERROR'
  | 'FILE_ERROR'
  | 'NOT_A_MODEL'
  | 'SIZE_MISMATCH'
  | 'HASH_MISMATCH'
  | 'ENGINE_MISSING'
  | 'SESSION_FAILED'
  | 'BACKEND_UNAVAILABLE'
  | 'WRONG_ANSWER'
  | 'DEVICE_LOST'
  | 'SESSION_RELEASED'
  | 'QUEUE_FULL'
  | 'NOT_BATCHABLE'
  | 'WORKER_FAILED';

export interface RuntimeErrorPlace {
  /** Address or path of the model file. */
  url?: string | undefined;
  /** What to do about it: one or two sentences. */
  hint?: string | undefined;
  cause?: unknown;
}

/** A refusal of the runtime that says what is wrong, where, and what to do. */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  readonly code: RuntimeErrorCode;
  readonly url: string | undefined;
  readonly hint: string | undefined;
  /** The message without code, place and hint. */
  readonly what: string;

  constructor(code: RuntimeErrorCode, what: string, place: RuntimeErrorPlace = {}) {
    super(describe(code, what, place), place.cause === undefined ? undefined : { cause: place.cause });
    this.code = code;
    this.what = what;
    this.url = place.url;
    this.hint = place.hint;
  }
}

function describe(code: RuntimeErrorCode, what: string, { url, hint }: RuntimeErrorPlace): string {
  const lines = [`${what} [${code}]`];
  if (url !== undefined) lines.push(`  url: ${url}`);
  if (hint !== undefined) lines.push(`  hint: ${hint}`);
  return lines.join('\n');
}

/** The message of an unknown thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
