import { existsSync } from 'node:fs';
import { QuantizeError } from '../errors.ts';
import type { OnnxruntimeBuild, Options } from '../options.ts';
import { DEFAULT_TARGETS } from './platform.ts';

/** Imports of onnxruntime-web that are one and the same engine in different sizes; `/webgl` is another one. */
export const ONNXRUNTIME_IMPORT = /^onnxruntime-web(?:\/(?:all|wasm|webgpu|jspi))?$/;

/** Their files, with the loader of the .wasm file inlined or not. */
const FILE = /([\\/]onnxruntime-web[\\/]dist[\\/]ort)(?:\.(?:all|wasm|webgpu|jspi))?((?:\.bundle)?\.min\.mjs)(?=$|\?)/;

/**
 * The file of the build that an app is to have, in place of another one of the same package: an app with two of them has two engines, each with
 * a .wasm file of its own.
 *
 * @param path what an import of onnxruntime-web was resolved to
 * @returns undefined for what is no build for browsers, such as the one for Node, and where the package is too old to have the other one
 */
export function sameBuild(path: string, build: OnnxruntimeBuild): string | undefined {
  if (!FILE.test(path)) return undefined;
  const file = path.replace(FILE, `$1.${build}$2`);
  return existsSync(file.replace(/\?.*$/s, '')) ? file : undefined;
}

const BUILDS: readonly OnnxruntimeBuild[] = ['wasm', 'webgpu', 'jspi'];

/**
 * The build that the options ask for, or that their targets need; undefined where imports are to stay as they are.
 *
 * @throws QuantizeError OPTION_INVALID
 */
export function chosenBuild({ onnxruntime, targets, models = [] }: Options): OnnxruntimeBuild | undefined {
  if (onnxruntime === false) return undefined;
  if (onnxruntime === undefined) return [targets ?? DEFAULT_TARGETS.browser, ...models.map((rule) => rule.targets ?? [])].flat().includes('webgpu') ? 'webgpu' : 'wasm';
  if (BUILDS.includes(onnxruntime)) return onnxruntime;
  throw new QuantizeError('OPTION_INVALID', `"onnxruntime" is ${JSON.stringify(onnxruntime)}, which is not one of ${BUILDS.join(', ')}, or false.`, { option: 'onnxruntime' });
}
