import { realpathSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize, parse, resolve, sep } from 'node:path';
import { QuantizeError } from '../errors.ts';

/** What the bundler lends to resolution. */
export interface ResolveHost {
  /** Folder of paths without an importer. */
  root: string;
  /** True where `/models/x.onnx` means a file below the root, as in Vite. */
  rootRelative: boolean;
  /** The bundler's own resolution (aliases, other plugins): an id or path, or undefined where it finds none. */
  resolve(specifier: string, importer: string | undefined): Promise<string | undefined>;
  /** Told where a file would have been found that is not there, so that its arrival can be noticed. */
  missing?(paths: readonly string[]): void;
}

/**
 * Finds the model file that an import means: relative to the importer, absolute, below the root, by the bundler's resolution, and for
 * `package/path.onnx` in the nearest node_modules folder that has it, because few packages list their models in `exports`.
 *
 * @param specifier the import without its query
 * @param importer module id of the importing file
 * @returns an absolute path with forward slashes
 * @throws QuantizeError MODEL_NOT_FOUND
 */
export async function resolveModel(specifier: string, importer: string | undefined, host: ResolveHost): Promise<string> {
  const folder = folderOf(importer) ?? host.root;
  const nearby = localCandidates(specifier, folder, host);
  const local = nearby.find(isFile);
  if (local !== undefined) return withSlashes(local);
  const { path, error } = await askHost(specifier, importer, host);
  if (path !== undefined) return withSlashes(path);
  const packaged = isBare(specifier) ? packageCandidates(specifier, folder) : [];
  const found = packaged.find(isFile);
  // Package managers link packages to a store; the real path makes one module of all links to a model.
  if (found !== undefined) return withSlashes(realpathSync(found));
  host.missing?.(nearby.map(withSlashes));
  const from = importer === undefined ? '' : `, imported by ${withoutQuery(importer)}`;
  throw new QuantizeError('MODEL_NOT_FOUND', `There is no model "${specifier}"${from}.`, { hint: `Looked at ${[...nearby, ...packaged].slice(0, 3).join(', ')}.`, cause: error });
}

function localCandidates(specifier: string, folder: string, host: ResolveHost): string[] {
  if (isRelative(specifier)) return [resolve(folder, specifier)];
  if (!isAbsolute(specifier)) return [];
  // Vite's dev server names files outside of the root by this prefix.
  const path = specifier.startsWith('/@fs/') ? specifier.slice('/@fs'.length).replace(/^\/(?=[A-Za-z]:)/, '') : specifier;
  return host.rootRelative ? [join(host.root, path), normalize(path)] : [normalize(path)];
}

/** A bundler's refusal is kept as the cause: `exports` of a package may hide a file that the next step finds. */
async function askHost(specifier: string, importer: string | undefined, host: ResolveHost): Promise<{ path?: string; error?: unknown }> {
  try {
    const id = await host.resolve(specifier, importer);
    const path = id === undefined ? undefined : withoutQuery(id);
    return path !== undefined && isAbsolute(path) && isFile(path) ? { path: normalize(path) } : {};
  } catch (error) {
    return { error };
  }
}

function packageCandidates(specifier: string, folder: string): string[] {
  const candidates: string[] = [];
  for (let at = folder; ; at = dirname(at)) {
    candidates.push(join(at, 'node_modules', specifier));
    if (at === parse(at).root) return candidates;
  }
}

function folderOf(importer: string | undefined): string | undefined {
  const path = importer === undefined ? '' : withoutQuery(importer);
  return isAbsolute(path) ? dirname(path) : undefined;
}

function isRelative(specifier: string): boolean {
  return /^\.\.?(?:\/|$)/.test(specifier.replaceAll(sep, '/'));
}

function isBare(specifier: string): boolean {
  return !isRelative(specifier) && !isAbsolute(specifier);
}

function withoutQuery(id: string): string {
  return id.replace(/\?.*$/s, '');
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function withSlashes(path: string): string {
  return sep === '/' ? path : path.replaceAll(sep, '/');
}
