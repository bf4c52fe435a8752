import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ModelOptions } from '../../options.ts';

/** Parts of a calibration or an evaluator that name files. */
const PATHS = ['images', 'text', 'audio', 'arrays', 'module', 'tokenizer', 'files'];

/** The options with paths made absolute that start from `folder`. */
export function pathsFrom(folder: string, options: ModelOptions): ModelOptions {
  const { calibration, evaluate } = options;
  return {
    ...options,
    ...(calibration !== undefined && { calibration: specFrom(folder, calibration) }),
    ...(evaluate !== undefined && { evaluate: specFrom(folder, evaluate) }),
  };
}

function specFrom<T extends object>(folder: string, spec: string | T): string | T {
  if (typeof spec === 'string') return pathFrom(folder, spec);
  const entries = Object.entries(spec).map(([key, value]: [string, unknown]) => {
    if (!PATHS.includes(key)) return [key, value];
    return [key, Array.isArray(value) ? value.map((path: string) => pathFrom(folder, path)) : pathFrom(folder, value as string)];
  });
  return Object.fromEntries(entries) as T;
}

/** A pattern stays one, and the folder's own name is none, whatever characters it has. */
function pathFrom(folder: string, path: string): string {
  const literal = resolve(folder, path);
  if (!/[*?[{]/.test(path) || existsSync(literal)) return literal;
  const steps = /^(?:\.{1,2}\/)*/.exec(path)![0];
  return `${resolve(folder, steps).replace(/[*?[{]/g, '[$&]')}/${path.slice(steps.length)}`;
}
