import { RuntimeError } from './errors.ts';
import type { Backend, CreateSessionOptions, SessionOptions } from './types.ts';

/**
 * Session options of the user with those that the artefact needs merged over them, in objects of their own: onnxruntime-web writes into what it is given.
 * Arrays are replaced, not joined. Keys without a value are left out, because the native binding refuses `extra: undefined`.
 */
export function mergeSessionOptions(user: SessionOptions | undefined, needed: Record<string, unknown> | undefined): SessionOptions {
  return merge((user ?? {}) as Plain, needed ?? {}) as SessionOptions;
}

/** @throws RuntimeError OPTION_INVALID */
export function checkOptions({ numThreads, maxQueue, backends, prefer }: CreateSessionOptions, known: readonly Backend[]): void {
  for (const [name, count] of Object.entries({ numThreads, maxQueue })) {
    if (count !== undefined && !(Number.isInteger(count) && count >= 1)) throw new RuntimeError('OPTION_INVALID', `${name} must be a whole number from 1, not ${count}`);
  }
  const unknown = backends?.find((backend) => !known.includes(backend));
  if (unknown !== undefined || backends?.length === 0) {
    throw new RuntimeError('OPTION_INVALID', `backends must name some of ${known.join(', ')}, not ${unknown ?? 'nothing'}`);
  }
  if (prefer !== undefined && prefer !== 'order' && prefer !== 'speed') throw new RuntimeError('OPTION_INVALID', `prefer must be order or speed, not ${String(prefer)}`);
}

/** The provider of the backend in use: as the user has set it up, where `executionProviders` names it. */
export function withProvider(options: SessionOptions, name: 'webgpu' | 'wasm' | 'cuda' | 'cpu'): SessionOptions {
  const asked = options.executionProviders?.find((provider) => (typeof provider === 'string' ? provider : provider.name) === name);
  return { ...options, executionProviders: [asked ?? name] };
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
