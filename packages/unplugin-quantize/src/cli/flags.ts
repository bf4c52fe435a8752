import { QuantizeError } from '../errors.ts';
import { ACTIVATION_INTEGERS, BLOCK_ALGORITHMS, BLOCK_SIZES, BUDGET_LIMITS, CALIBRATION_METHODS, DYNAMIC_OPS, FORMATS, MODEL_DEFAULTS, MODEL_OPTIONS, ON_FAIL, PRESETS, TARGETS, type ModelOptions } from '../options.ts';
import type { Budget } from '../types.ts';

type OptionName = keyof ModelOptions;
type Kind = (typeof MODEL_OPTIONS)[OptionName]['kind'];
type FlagValues = Record<string, unknown>;

export interface Flag {
  /** As cac reads it: `--format <name>`. */
  raw: string;
  help: string;
}

/** Flags that are not called like their option. */
const SPELLING: Partial<Record<OptionName, string>> = { sampleLimit: 'samples' };

const VALUE_NAMES: Record<Exclude<Kind, 'budget' | 'flag'>, string> = { preset: 'name', format: 'format', ops: 'a,b', names: 'a,b', words: 'a,b', samples: 'path or JSON', count: 'n', block: 'n', algorithm: 'name', activations: 'name', method: 'name', evaluate: 'path', onFail: 'name', targets: 'target' };

/** The flags of a model's options: one each, a budget has one for each limit. */
export function modelFlags(without: readonly OptionName[] = []): Flag[] {
  return optionNames().filter((name) => !without.includes(name)).flatMap((name): Flag[] => {
    const { kind, help } = MODEL_OPTIONS[name];
    const flag = kebab(SPELLING[name] ?? name);
    if (kind === 'budget') return budgetFlags();
    if (kind === 'flag') return [MODEL_DEFAULTS[name] === true ? { raw: `--no-${flag}`, help: `do not ${help}` } : { raw: `--${flag}`, help }];
    return [{ raw: `--${flag} <${VALUE_NAMES[kind]}>`, help: help + describeDefault(name, kind) }];
  });
}

/** A flag for each limit of a budget. */
export function budgetFlags(): Flag[] {
  return Object.entries(BUDGET_LIMITS).map(([limit, row]) => ({ raw: `--${kebab(limit)} <${row.isTable ? 'name=number,...' : 'number'}>`, help: `budget: ${row.help}` }));
}

/** The options that were set by flags, unchecked. */
export function modelOptionsOf(values: FlagValues): ModelOptions {
  const set = optionNames().map((name) => [name, READERS[MODEL_OPTIONS[name].kind](values, SPELLING[name] ?? name)] as const);
  return Object.fromEntries(set.filter(([, value]) => value !== undefined)) as ModelOptions;
}

/** What was given for one flag becomes the option's value; undefined where nothing was given. */
const READERS: Record<Kind, (values: FlagValues, name: string) => unknown> = {
  preset: readText,
  format: readText,
  samples: readSamples,
  ops: readList,
  names: readList,
  words: readList,
  targets: readList,
  count: readLast,
  block: readLast,
  algorithm: readText,
  activations: readText,
  method: readText,
  evaluate: readText,
  onFail: readText,
  flag: readLast,
  budget: readBudget,
};

/** The last one wins where a flag is given twice. */
function readLast(values: FlagValues, name: string): unknown {
  return [values[name]].flat().at(-1);
}

/** The parser takes text that looks like a number for one. */
function readText(values: FlagValues, name: string): string | undefined {
  const value = readLast(values, name);
  return value === undefined ? undefined : String(value);
}

/** A path, or as JSON what configuration files say of samples. */
export function readSamples(values: FlagValues, name: string): unknown {
  const text = readText(values, name);
  if (text?.trimStart().startsWith('{') !== true) return text;
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new QuantizeError('OPTION_INVALID', `--${kebab(name)} is neither a path nor JSON: ${(cause as Error).message}`, {
      option: `--${kebab(name)}`, hint: `Write '{ "images": "photos", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225] }', in quotes for the shell.`, cause,
    });
  }
}

function readList(values: FlagValues, name: string): string[] | undefined {
  const given = values[name];
  return given === undefined ? undefined : [given].flat().flatMap((item) => String(item).split(',')).filter((item) => item !== '');
}

/** The limits that flags ask for; undefined where none does. */
export function readBudget(values: FlagValues): Budget | undefined {
  const limits = Object.entries(BUDGET_LIMITS).map(([limit, { isTable }]) => [limit, isTable ? readTable(values, limit) : readLast(values, limit)] as const).filter(([, asked]) => asked !== undefined);
  return limits.length === 0 ? undefined : (Object.fromEntries(limits) as Budget);
}

/** `f1=0.9,recall=0.8`; what is no number stays text, which the option's check refuses. */
export function readTable(values: FlagValues, name: string): Record<string, unknown> | undefined {
  const entries = readList(values, name)?.map((item) => {
    const at = item.lastIndexOf('=');
    const [metric, number] = [item.slice(0, at), item.slice(at + 1)];
    return at < 1 ? ([item, ''] as const) : ([metric, number.trim() === '' || Number.isNaN(Number(number)) ? number : Number(number)] as const);
  });
  return entries && Object.fromEntries(entries);
}

function describeDefault(name: OptionName, kind: Kind): string {
  const value = MODEL_DEFAULTS[name];
  const choices = CHOICES[kind] ?? [];
  const isSet = value !== undefined && !(Array.isArray(value) && value.length === 0);
  return [choices.length > 0 ? `: ${choices.join(', ')}` : '', isSet ? ` (default: ${String(value)})` : ''].join('');
}

/** What there is to choose from. */
const CHOICES: Partial<Record<Kind, readonly (string | number)[]>> = {
  preset: Object.keys(PRESETS),
  format: [...Object.keys(FORMATS), 'auto'],
  ops: DYNAMIC_OPS,
  block: BLOCK_SIZES,
  algorithm: BLOCK_ALGORITHMS,
  activations: ACTIVATION_INTEGERS,
  method: CALIBRATION_METHODS,
  onFail: ON_FAIL,
  targets: Object.keys(TARGETS),
};

function optionNames(): OptionName[] {
  return Object.keys(MODEL_OPTIONS) as OptionName[];
}

/** `maxBytes` to `max-bytes`. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
