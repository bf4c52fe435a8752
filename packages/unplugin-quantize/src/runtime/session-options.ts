import { RuntimeError } from './errors.ts';
import type { SessionOptions } from './types.ts';

/**
 * Session options of the user with those that the artefact needs merged over them, in objects of their own: onnxruntime-web writes into what it is given.
 * Arrays are replaced, not joined. Keys without a value are left out, because the native binding refuses `extra: undefined`.
 */
export function mergeSessionOptions(user: SessionOptions | undefined, needed: Record<string, unknown> | undefined): SessionOptions {
  return merge((user ?? {}) as Plain, needed ?? {}) as SessionOptions;
}

/** @throws RuntimeError OPTION_INVALID unless it is undefined or a whole number from 1 */
export function checkThreads(threads: number | undefined): void {
  if (threads === undefined || (Number.isInteger(threads) && threads >= 1)) return;
  throw new RuntimeError('OPTION_INVALID', `numThreads must be a whole number from 1, not ${threads}`);
}

type Plain = Record<string, unknown>;

function merge(base: Plain, over: Plain): Plain {
  const merged = new Map<string, unknown>();
  for (const [key, value] of [...Object.entries(base), ...Object.entries(over)]) {
    if (value === undefined) continue;
    const before = merged.get(key);
    merged.set(key, isPlain(before) && isPlain(value) ? merge(before, value) : copy(value));
  }
  return Object.fromEntries(merged);
}

/** Bytes, devices and other instances are passed by reference. */
function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy);
  return isPlain(value) ? merge(value, {}) : value;
}

function isPlain(value: unknown): value is Plain {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
