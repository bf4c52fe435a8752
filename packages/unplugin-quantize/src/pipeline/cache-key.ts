import { isRegExp } from '../options.ts';
import type { QuantizeOptions } from '../quantize/index.ts';
import type { EngineName } from '../types.ts';
import { sha256Text } from './hash.ts';
import type { MeasurePlan } from './measure-plan.ts';

/** Raised when an entry's layout changes, so that entries of older versions are not read. */
export const CACHE_FORMAT = 1;

export interface ArtefactInputs {
  /** Version of this package: a new one may give other bytes. */
  version: string;
  options: QuantizeOptions;
  /** SHA-256 of the model's file. */
  model: string;
  /** SHA-256 of each file of external data, by location. */
  externals: Record<string, string>;
}

export interface MeasurementInputs {
  /** Key of the artefact that was measured. */
  artefact: string;
  plan: MeasurePlan;
  /** SHA-256 of each file of the samples, by name; empty without samples. */
  samples: Record<string, string>;
  /** Versions of the engines that are installed. */
  engines: Partial<Record<EngineName, string>>;
}

/** Key of an artefact: everything that decides its bytes, and nothing else. */
export function artefactKey({ version, options, model, externals }: ArtefactInputs): string {
  // Order and repetition of names change nothing in the artefact.
  const normal = Object.entries(options).map(([key, value]) => [key, Array.isArray(value) ? [...new Set(value.map(textOf))].sort() : value] as const);
  return keyOf('artefact', { version, options: sorted(normal), model, externals: sorted(Object.entries(externals)) });
}

/** Key of what was measured on an artefact. Budgets are no part of it: they are judged each time on the figures. */
export function measurementKey({ artefact, plan, samples, engines }: MeasurementInputs): string {
  const { verify, compare, calibration, sampleLimit } = plan;
  // Where samples lie does not matter, and neither does the limit where none are taken.
  const limit = calibration === undefined ? null : sampleLimit;
  return keyOf('measurement', { artefact, verify, compare, samples: sorted(Object.entries(samples)), limit, engines: sorted(Object.entries(engines)) });
}

function keyOf(kind: string, parts: Record<string, unknown>): string {
  return sha256Text(JSON.stringify([kind, CACHE_FORMAT, parts]));
}

/** Expressions have no JSON of their own; they differ by their flags too, and from texts that look like them. */
function textOf(item: string | RegExp): string {
  return JSON.stringify(isRegExp(item) ? { expression: item.source, flags: item.flags } : item);
}

function sorted<T>(entries: readonly (readonly [string, T])[]): (readonly [string, T])[] {
  return entries.toSorted(([a], [b]) => (a < b ? -1 : 1));
}
