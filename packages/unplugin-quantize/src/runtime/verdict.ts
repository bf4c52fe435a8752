import type { Canary, ModelVariant } from '../types.ts';
import { shortHash } from './hash.ts';
import type { Device, Engine } from './host.ts';
import type { Backend, SessionOptions } from './types.ts';

/** What the canary has told of a backend. */
export interface Verdict {
  /** What is wrong, or null. */
  wrong: string | null;
  /** Milliseconds of one run, where it was timed. */
  time?: number;
}

/** Remembers verdicts beyond the page or process. Failures to do so are no failures of the session. */
export interface VerdictStore {
  get(key: string): Promise<Verdict | undefined>;
  set(key: string, verdict: Verdict): Promise<void>;
}

/** Whatever may change an answer: artefact, backend, device, version and session options; and what it is compared with. */
export function verdictKey(backend: Backend, device: Device, engine: Engine, variant: ModelVariant, canary: Canary, options: SessionOptions): string {
  const asked = JSON.stringify([canary, variant.tolerance, options], (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  return [variant.sha256, backend, device.name, engine.name, engine.version, shortHash(asked)].join('|');
}
