import { readFile, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { modulesOf } from '../../calibrate/module-imports.ts';
import { importFresh } from '../../calibrate/import-fresh.ts';
import { QuantizeError } from '../../errors.ts';
import type { ModelOptions } from '../../options.ts';
import { checkLayer, type SettingsLayer } from './layers.ts';
import { pathsFrom } from './sidecar-paths.ts';

const EXTENSIONS = ['json', 'ts', 'js', 'mjs'];

/** Where the options of a model may be. */
function placesOf(model: string): string[] {
  return EXTENSIONS.map((extension) => `${model}.quantize.${extension}`);
}

/** Absolute paths of files that decide the options beside a model, whether or not they are right: where the file is or would be, and what it imports. */
export async function sidecarFiles(model: string): Promise<string[]> {
  const files: string[] = [];
  for (const place of placesOf(model)) files.push(...(!place.endsWith('.json') && (await isFile(place)) ? await modulesOf(place) : [place]));
  return files;
}

/**
 * The options in a file beside a model, `m.onnx.quantize.json` and so on; relative paths in them start from there.
 *
 * @param model absolute path
 * @returns undefined where there are none
 * @throws QuantizeError OPTION_UNKNOWN, OPTION_INVALID
 */
export async function readSidecar(model: string): Promise<SettingsLayer | undefined> {
  const present: string[] = [];
  for (const place of placesOf(model)) if (await isFile(place)) present.push(place);
  const [file, other] = present;
  if (file === undefined) return undefined;
  if (other !== undefined) throw invalid(model, `There are ${basename(file)} and ${basename(other)}.`, 'Keep one of them.');
  const from = basename(file);
  const options = file.endsWith('.json') ? parseJson(await readFile(file, 'utf8'), file, model) : await importOptions(file, model);
  try {
    checkLayer({ from, options });
  } catch (error) {
    throw error instanceof QuantizeError ? error.withModel(model) : error;
  }
  return { from, options: pathsFrom(dirname(file), options) };
}

function parseJson(text: string, file: string, model: string): ModelOptions {
  try {
    return assertObject(JSON.parse(text), file, model);
  } catch (cause) {
    if (cause instanceof QuantizeError) throw cause;
    throw invalid(model, `${basename(file)} is not JSON: ${(cause as Error).message}`, undefined, cause);
  }
}

async function importOptions(file: string, model: string): Promise<ModelOptions> {
  const exported = await importFresh(file).catch((cause: unknown) => {
    throw invalid(model, `${basename(file)} failed: ${cause instanceof Error ? cause.message : String(cause)}`, undefined, cause);
  });
  const options = (exported as { default?: unknown }).default;
  return assertObject(options, file, model);
}

function assertObject(value: unknown, file: string, model: string): ModelOptions {
  if (Object.prototype.toString.call(value) === '[object Object]') return value as ModelOptions;
  const hint = file.endsWith('.json') ? 'Write `{ "format": "int4" }`.' : 'Write `export default { format: "int4" }`.';
  throw invalid(model, `${basename(file)} has no object of options.`, hint);
}

function invalid(model: string, what: string, hint: string | undefined, cause?: unknown): QuantizeError {
  return new QuantizeError('OPTION_INVALID', what, { model, hint, cause });
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then((found) => found.isFile(), () => false);
}
