import { resolve } from 'node:path';
import { findFiles, locate, modulesOf, type Location } from '../../calibrate/index.ts';
import { QuantizeError, systemErrorCode } from '../../errors.ts';
import type { EvaluateSpec } from '../../options.ts';
import type { HashMemo } from '../cache/hash.ts';

/** An evaluator with its places made absolute: plain data that travels to other processes. */
export interface LocatedEvaluator {
  module: string;
  files: Location[];
  /** Seconds for one model. */
  timeLimit: number;
  /** What the user wrote. */
  given: string;
}

const TIME_LIMIT = 600;

/** @param root folder that relative paths start from */
export function locateEvaluator(evaluate: string | EvaluateSpec, root: string): LocatedEvaluator {
  const { module, files = [], timeLimit = TIME_LIMIT }: EvaluateSpec = typeof evaluate === 'string' ? { module: evaluate } : evaluate;
  return { module: resolve(root, module), files: [files].flat().map((path) => locate(path, root)), timeLimit, given: module };
}

/** The files that decide what an evaluator finds: its module, what it imports, what it says it reads. */
export interface EvaluatorFiles {
  /** Absolute. */
  paths: string[];
  /** SHA-256 in the order of the paths: where files lie does not matter. */
  hashes: string[];
}

/** @throws QuantizeError EVALUATOR_FAILED when the module is not there, SAMPLES_NOT_FOUND for the files */
export async function readEvaluatorFiles(evaluator: LocatedEvaluator | undefined, hashes: HashMemo): Promise<EvaluatorFiles> {
  if (evaluator === undefined) return { paths: [], hashes: [] };
  const data = evaluator.files.length === 0 ? [] : await findFiles(evaluator.files, undefined, 'files of the evaluator');
  const paths = [...(await modules(evaluator)), ...data.map(({ path }) => path)];
  const digests: string[] = [];
  for (const path of paths) digests.push((await hashes.digest(path)).sha256);
  return { paths, hashes: digests };
}

async function modules({ module, given }: LocatedEvaluator): Promise<string[]> {
  try {
    return await modulesOf(module);
  } catch (cause) {
    const code = systemErrorCode(cause);
    if (code === undefined) throw cause;
    throw new QuantizeError('EVALUATOR_FAILED', code === 'ENOENT' ? 'The module of the evaluator is not there.' : `The module of the evaluator cannot be read (${code}).`, {
      option: `evaluate: ${given} (${module})`,
      hint: 'A relative path is taken from the root of the project, on the command line from the working directory.',
      cause,
    });
  }
}

/** Files and folders whose change may change what an evaluator finds, also while they cannot be read. */
export async function watchedByEvaluator(evaluator: LocatedEvaluator): Promise<string[]> {
  const found = await modulesOf(evaluator.module).catch(() => [evaluator.module]);
  return [...found, ...evaluator.files.map(({ base }) => base)];
}
