import type { LocatedSamples } from '../../calibrate/index.ts';
import { isRegExp } from '../../options.ts';
import type { QuantizeOptions } from '../../quantize/index.ts';
import type { Canary, EngineName } from '../../types.ts';
import type { CalibratePlan } from '../steps/calibrate-plan.ts';
import { sha256Text } from './hash.ts';
import type { MeasurePlan } from '../steps/measure-plan.ts';

/** Raised when an entry's layout changes, so that entries of older versions are not read. */
export const CACHE_FORMAT = 3;

export interface ArtefactInputs {
  /** Version of this package: a new one may give other bytes. */
  version: string;
  options: QuantizeOptions;
  /** SHA-256 of the model's file. */
  model: string;
  /** SHA-256 of each file of external data, by location. */
  externals: Record<string, string>;
  /** Key of the calibration that it is made with. */
  calibration?: string | undefined;
}

/** What decides the values of the samples. */
export interface SampleInputs {
  /** SHA-256 of each file of the samples, by name; empty without samples. */
  samples: Record<string, string>;
  /** Names of the samples that are taken, in order. */
  chosen: readonly string[];
  /** Versions of the packages that samples are read with. */
  readers: Record<string, string>;
  /** Versions of the engines that are installed. */
  engines: Partial<Record<EngineName, string>>;
}

export interface CalibrationInputs extends Omit<ArtefactInputs, 'calibration'>, SampleInputs {
  plan: CalibratePlan;
}

export interface MeasurementInputs extends SampleInputs {
  /** What outputs are also held against. */
  canary: Canary | null;
  /** Key of the artefact that was measured. */
  artefact: string;
  plan: MeasurePlan;
  /** SHA-256 of the evaluator's files. */
  evaluator?: readonly string[] | undefined;
}

/** Key of an artefact: everything that decides its bytes, and nothing else. */
export function artefactKey({ version, options, model, externals, calibration }: ArtefactInputs): string {
  return keyOf('artefact', { version, options: normal(options), model, externals: sorted(Object.entries(externals)), calibration });
}

/** Key of what samples tell of a model. */
export function calibrationKey({ version, options, model, externals, plan, ...told }: CalibrationInputs): string {
  const { observes, method } = plan;
  const asked = { observes, method: observes === 'activations' ? method : null, options: normal(OBSERVING[observes](options)) };
  return keyOf('calibration', { version, model, externals: sorted(Object.entries(externals)), ...asked, ...samplesOf(plan, told) });
}

/** Key of the canary of a model. */
export function canaryKey({ version, model, externals, calibration, sampleLimit, ...told }: Pick<ArtefactInputs, 'version' | 'model' | 'externals'> & Pick<MeasurePlan, 'calibration' | 'sampleLimit'> & SampleInputs): string {
  return keyOf('canary', { version, model, externals: sorted(Object.entries(externals)), ...samplesOf({ calibration, sampleLimit }, told) });
}

/** The options that matter to what is observed, so that several formats share it. */
const OBSERVING: Record<CalibratePlan['observes'], (options: QuantizeOptions) => Partial<QuantizeOptions>> = {
  // What int8 makes of the first sample depends on all of them.
  activations: (options) => (options.format === 'int8' ? options : fixedScales(options)),
  products: ({ exclude, excludeOps, include, minElements }) => ({ exclude, excludeOps, include, minElements }),
};

function fixedScales({ format, equalize, reconstruct, exclude, excludeOps, include, minElements }: QuantizeOptions): Partial<QuantizeOptions> {
  return { format, equalize, reconstruct, exclude, excludeOps, include, minElements };
}

/** Order and repetition of names change nothing. */
function normal(options: Partial<QuantizeOptions>): (readonly [string, unknown])[] {
  return sorted(Object.entries(options).map(([key, value]) => [key, Array.isArray(value) ? [...new Set(value.map(textOf))].sort() : value] as const));
}

/** Key of what was measured on an artefact. Budgets are no part of it: they are judged each time on the figures. */
export function measurementKey({ artefact, canary, plan, evaluator = [], ...told }: MeasurementInputs): string {
  const { verify, compare, targets } = plan;
  return keyOf('measurement', { artefact, canary: canary && sha256Text(JSON.stringify(canary)), verify, compare, targets, evaluator, ...samplesOf(plan, told) });
}

/** What decides how fast an artefact is found to be. */
export interface LatencyInputs extends SampleInputs {
  /** Key of the artefact. */
  artefact: string;
  plan: Pick<MeasurePlan, 'calibration' | 'sampleLimit'>;
  engine: EngineName | undefined;
  /** The kind of machine: figures of another one are of no use here. */
  machine: Record<string, string | number>;
}

/** Key of how fast an artefact is beside its source. */
export function latencyKey({ artefact, plan, engine, machine, ...told }: LatencyInputs): string {
  return keyOf('latency', { artefact, engine, machine: sorted(Object.entries(machine)), ...samplesOf(plan, told) });
}

export interface SensitivityInputs extends ArtefactInputs, SampleInputs {
  plan: Pick<MeasurePlan, 'calibration' | 'sampleLimit'>;
  groups: string[][];
}

/** Key of what quantizing groups of weights alone does to the outputs. */
export function sensitivityKey({ version, options, model, externals, calibration, plan, groups, ...told }: SensitivityInputs): string {
  return keyOf('sensitivity', { version, options: normal(options), model, externals: sorted(Object.entries(externals)), calibration, groups, ...samplesOf(plan, told) });
}

/** Where samples lie does not matter, and neither does the limit where none are taken. */
function samplesOf({ calibration, sampleLimit }: Pick<MeasurePlan, 'calibration' | 'sampleLimit'>, { samples, chosen, readers, engines }: SampleInputs): Record<string, unknown> {
  const taken = calibration === undefined ? null : { limit: sampleLimit, chosen, made: settingsOf(calibration), readers: sorted(Object.entries(readers)) };
  return { samples: sorted(Object.entries(samples)), taken, engines: sorted(Object.entries(engines)) };
}

/** What is made of the files; their places are left out. */
function settingsOf({ kind, spec }: LocatedSamples): unknown {
  const places = new Set(['images', 'text', 'audio', 'arrays', 'module', 'tokenizer']);
  return [kind, sorted(Object.entries(spec).filter(([key, value]) => !places.has(key) && value !== undefined).map(([key, value]) => [key, plain(value)]))];
}

/** As JSON can tell it, apart from the order of keys: BigInts and typed arrays have no JSON of their own. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return { integer: String(value) };
  if (ArrayBuffer.isView(value)) return { array: value.constructor.name, values: Array.from(value as unknown as ArrayLike<number | bigint>, plain) };
  if (Array.isArray(value)) return value.map(plain);
  return typeof value === 'object' && value !== null ? sorted(Object.entries(value).map(([key, item]) => [key, plain(item)])) : value;
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
