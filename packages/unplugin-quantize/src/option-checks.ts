import { checkCalibration } from './calibration.ts';
import { QuantizeError } from './errors.ts';
import {
  ACTIVATION_INTEGERS, BLOCK_ALGORITHMS, BLOCK_SIZES, BUDGET_LIMITS, CALIBRATION_METHODS, DYNAMIC_OPS, FORMATS, MODEL_DEFAULTS, MODEL_OPTIONS, ON_FAIL, TARGETS, type OptionKind,
} from './option-tables.ts';
import { presetOf, PRESETS } from './presets.ts';
import type { ArtefactOptions, ModelOptions, ResolvedModelOptions } from './options.ts';
import { didYouMean } from './suggest.ts';
import type { BaselineTolerance, Budget, Format } from './types.ts';

/**
 * Checks and completes options; later layers win, and only keys that they set. The last preset that is named stands right below its layer.
 *
 * @throws QuantizeError OPTION_UNKNOWN, OPTION_INVALID
 */
export function resolveModelOptions(...layers: ModelOptions[]): ResolvedModelOptions {
  layers.forEach(checkOptions);
  const preset = presetOf(layers);
  const all = preset === undefined ? layers : layers.toSpliced(preset.at, 0, preset.options);
  const set = all.flatMap((layer) => Object.entries(layer).filter(([, value]) => value !== undefined));
  return { ...MODEL_DEFAULTS, ...(Object.fromEntries(set) as ModelOptions) } as ResolvedModelOptions;
}

function checkOptions(layer: ModelOptions): void {
  for (const [key, value] of Object.entries(layer)) {
    checkKey(key, Object.keys(MODEL_OPTIONS), 'option');
    if (value !== undefined) CHECKS[MODEL_OPTIONS[key as keyof ModelOptions].kind](value, key);
  }
}

/**
 * Options of a single artefact.
 *
 * @throws QuantizeError OPTION_INVALID for `auto` and a table of formats, which say something only where there are targets
 */
export function withOneFormat(options: ResolvedModelOptions): ArtefactOptions {
  const { format } = options;
  if (isFormat(format)) return { ...options, format };
  throw new QuantizeError('OPTION_INVALID', `"format" is ${JSON.stringify(format)}, which needs a target.`, { option: 'format', hint: `Name one of ${Object.keys(FORMATS).join(', ')}.` });
}

export function isFormat(value: unknown): value is Format {
  return typeof value === 'string' && Object.hasOwn(FORMATS, value);
}

/** @throws QuantizeError OPTION_UNKNOWN with the nearest known word */
export function checkKey(key: string, known: readonly string[], what: string): void {
  if (known.includes(key)) return;
  throw new QuantizeError('OPTION_UNKNOWN', `There is no ${what} "${key}".`, { option: key, hint: didYouMean(key, known) });
}

const CHECKS: Record<OptionKind, (value: unknown, key: string) => void> = {
  preset: (value, key) => oneOf(value, key, Object.keys(PRESETS)),
  format: checkFormat,
  targets: checkTargets,
  ops: (value, key) => list(value, key).forEach((op) => oneOf(op, key, DYNAMIC_OPS)),
  block: (value, key) => expect(BLOCK_SIZES.includes(value as number), key, value, `one of ${BLOCK_SIZES.join(', ')}`),
  algorithm: (value, key) => oneOf(value, key, BLOCK_ALGORITHMS),
  method: (value, key) => oneOf(value, key, CALIBRATION_METHODS),
  activations: (value, key) => oneOf(value, key, ACTIVATION_INTEGERS),
  names: checkPatterns,
  words: (value, key) => void list(value, key),
  samples: (value, key) => checkCalibration(value, key),
  evaluate: checkEvaluate,
  onFail: (value, key) => oneOf(value, key, ON_FAIL),
  count: (value, key) => expect(Number.isSafeInteger(value) && (value as number) > 0, key, value, 'a whole number above 0'),
  budget: checkBudget,
  flag: (value, key) => expect(typeof value === 'boolean', key, value, 'true or false'),
};

const EVALUATE_KEYS = ['module', 'files', 'timeLimit'];

function checkEvaluate(value: unknown, key: string): void {
  if (typeof value === 'string' && value !== '') return;
  expect(isTable(value), key, value, 'a path of a module or { module, files, timeLimit }');
  for (const each of Object.keys(value as object)) checkKey(each, EVALUATE_KEYS, `key of "${key}"`);
  const { module, files, timeLimit } = value as Record<string, unknown>;
  expect(typeof module === 'string' && module !== '', `${key}.module`, module, 'a path of a module');
  const isPaths = files === undefined || [files].flat().every((path) => typeof path === 'string' && path !== '');
  expect(isPaths, `${key}.files`, files, 'a path or a list of paths');
  expect(timeLimit === undefined || (typeof timeLimit === 'number' && timeLimit > 0 && Number.isFinite(timeLimit)), `${key}.timeLimit`, timeLimit, 'a number of seconds above 0');
}

function checkBudget(value: unknown, key: string): void {
  expect(isTable(value), key, value, 'an object of limits');
  for (const [limit, asked] of Object.entries(value as object)) {
    checkKey(limit, Object.keys(BUDGET_LIMITS), 'budget limit');
    const { accepts, range, isTable: hasMetrics } = BUDGET_LIMITS[limit as keyof Budget];
    const checkNumber = (given: unknown, option: string): void => expect(given === undefined || (typeof given === 'number' && accepts(given)), option, given, range);
    if (hasMetrics !== true || asked === undefined) {
      checkNumber(asked, `${key}.${limit}`);
      continue;
    }
    expect(isTable(asked), `${key}.${limit}`, asked, 'an object with a number for each metric');
    for (const [metric, number] of Object.entries(asked as object)) checkNumber(number, `${key}.${limit}.${metric}`);
  }
}

const TOLERANCES: readonly (keyof BaselineTolerance)[] = ['bytes', 'cosine', 'metrics'];

/** @throws QuantizeError OPTION_UNKNOWN, OPTION_INVALID */
export function checkBaseline(value: unknown, key = 'baseline'): void {
  if (value === undefined || value === false || (typeof value === 'string' && value !== '')) return;
  expect(isTable(value), key, value, 'a path, false, or { path, update, tolerance }');
  for (const each of Object.keys(value as object)) checkKey(each, ['path', 'update', 'tolerance'], `key of "${key}"`);
  const { path, update, tolerance } = value as Record<string, unknown>;
  expect(path === undefined || (typeof path === 'string' && path !== ''), `${key}.path`, path, 'a path');
  expect(update === undefined || typeof update === 'boolean', `${key}.update`, update, 'true or false');
  if (tolerance === undefined) return;
  expect(isTable(tolerance), `${key}.tolerance`, tolerance, 'an object of numbers');
  for (const [name, number] of Object.entries(tolerance as object)) {
    checkKey(name, TOLERANCES, `key of "${key}.tolerance"`);
    expect(number === undefined || (typeof number === 'number' && number >= 0 && Number.isFinite(number)), `${key}.tolerance.${name}`, number, 'a number from 0 on');
  }
}

function isTable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const FORMAT_CHOICES = [...Object.keys(FORMATS), 'auto'];

function checkFormat(value: unknown, key: string): void {
  if (!isTable(value)) {
    oneOf(value, key, FORMAT_CHOICES);
    return;
  }
  for (const [target, format] of Object.entries(value as object)) {
    checkKey(target, Object.keys(TARGETS), 'target');
    if (format !== undefined) oneOf(format, `${key}.${target}`, FORMAT_CHOICES);
  }
}

function checkTargets(value: unknown, key: string): void {
  const targets = list(value, key);
  expect(targets.length > 0, key, value, 'a list of one or more targets');
  for (const target of targets) oneOf(target, key, Object.keys(TARGETS));
}

function list(value: unknown, key: string): unknown[] {
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string');
  expect(isList, key, value, 'a list of strings');
  return value as unknown[];
}

function checkPatterns(value: unknown, key: string): void {
  const held = Array.isArray(value) && value.every((item) => typeof item === 'string' || isRegExp(item));
  expect(held, key, value, 'a list of names and regular expressions');
}

/** Also for an expression of another realm, as test runners and bundlers make them. */
export function isRegExp(value: unknown): value is RegExp {
  return Object.prototype.toString.call(value) === '[object RegExp]';
}

function oneOf(value: unknown, key: string, known: readonly string[]): void {
  if (typeof value === 'string' && known.includes(value)) return;
  throw new QuantizeError('OPTION_INVALID', `${JSON.stringify(value)} is not a value of "${key}".`, { option: key, hint: didYouMean(String(value), known) });
}

function expect(held: boolean, key: string, value: unknown, wanted: string): void {
  if (held) return;
  const found = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? typeof value);
  throw new QuantizeError('OPTION_INVALID', `"${key}" is ${found}, which is not ${wanted}.`, { option: key });
}
