import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { rollup, type InputPluginOption, type OutputOptions } from 'rollup';
import type { Options, QuantizedModel } from 'unplugin-quantize';
import quantizeRollup from 'unplugin-quantize/rollup';
import quantizeVite from 'unplugin-quantize/vite';
import { build, createLogger, mergeConfig, type InlineConfig, type Logger } from 'vite';
import { onTestFinished } from 'vitest';
import { models } from '../support/models.ts';

/** Inside of the repository, so that projects find its packages. */
const FOLDER = join(import.meta.dirname, '../.cache/plugin');

/** A project of its own in a new folder: text files, and models by their name in models.ts. It goes with the test. */
export function makeProject(files: Record<string, string>, copies: Record<string, keyof typeof models> = {}): string {
  mkdirSync(FOLDER, { recursive: true });
  const root = mkdtempSync(join(FOLDER, 'p-'));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  const all = { 'package.json': '{ "type": "module" }', ...files };
  for (const [name, text] of Object.entries(all)) writeFileSync(prepare(root, name), text);
  for (const [name, model] of Object.entries(copies)) copyFileSync(models[model], prepare(root, name));
  return root;
}

function prepare(root: string, name: string): string {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  return path;
}

/** One artefact for all builds, without the check in the engines: both have tests of their own, and the check takes most of the time. */
export const QUICK: Options = { verify: false, targets: ['wasm', 'node'] };

/** Everything that Vite said, without colours and times. */
export function recordingLogger(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const logger = createLogger('info');
  const keep = (text: string): void => void lines.push(text);
  return { logger: { ...logger, info: keep, warn: keep, warnOnce: keep, error: keep, hasErrorLogged: () => false }, lines };
}

/** Names that systems allow and URLs do not carry as they are. */
export const NAMES = ['with space', '100%', '%41', "it's", '"quoted"', 'hash#tag', 'ü漢😀', 'a&b=c', 'plus+', 'a=23', 'semi;colon,comma', '[id] (1) {x}', 'back`tick$', '-dash', 'UPPER~1'];

export interface Built {
  /** Relative paths of the written files, sorted. */
  files: string[];
  outDir: string;
  lines: string[];
}

export async function viteBuild(root: string, config: InlineConfig = {}, options: Options = QUICK): Promise<Built> {
  const { logger, lines } = recordingLogger();
  const outDir = join(root, 'dist');
  const own: InlineConfig = { root, configFile: false, customLogger: logger, plugins: [quantizeVite(options)], build: { outDir, emptyOutDir: true, minify: false } };
  await build(mergeConfig(own, config));
  return { files: listFiles(outDir), outDir, lines };
}

export async function rollupBuild(root: string, output: OutputOptions = {}, options: Options = QUICK, resolution: InputPluginOption = nodeResolve(), before?: InputPluginOption): Promise<Built> {
  const lines: string[] = [];
  const outDir = join(root, 'dist');
  const cwd = process.cwd();
  // Rollup has no root of its own: like its command line, it works in the current folder.
  process.chdir(root);
  try {
    const bundle = await rollup({ input: 'main.js', plugins: [before, quantizeRollup(options), resolution], onLog: (_, log) => void lines.push(log.message) });
    try {
      await bundle.write({ dir: outDir, ...output });
    } finally {
      await bundle.close();
    }
  } finally {
    process.chdir(cwd);
  }
  return { files: listFiles(outDir), outDir, lines };
}

export function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

export function onnxFiles({ files }: Built): string[] {
  return files.filter((file) => file.endsWith('.onnx'));
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export function hashOfFile(path: string | URL): string {
  return sha256(readFileSync(path));
}

/** Runs a built module in this process and gives its exports. */
export async function importBuilt<T>(path: string): Promise<T> {
  return (await import(/* @vite-ignore */ pathToFileURL(path).href)) as T;
}

/** A model without the one thing that may differ between dev, build and server. */
export function withoutUrls({ variants, ...model }: QuantizedModel): unknown {
  return { ...model, variants: variants.map((variant) => ({ ...variant, url: '' })) };
}
