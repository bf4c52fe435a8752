import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, extname, posix, resolve } from 'node:path';
import type { ResolvedUserConfig } from '@farmfe/core';
import { sideFiles } from '../precompress.ts';
import type { PluginState } from '../state.ts';
import { artefactServer } from './artefact-server.ts';
import type { Artefact } from './host.ts';

/** As much of Koa as a middleware needs. */
interface KoaContext {
  req: Parameters<ReturnType<typeof artefactServer>>[0];
  res: Parameters<ReturnType<typeof artefactServer>>[1];
  respond?: boolean | undefined;
}
type KoaMiddleware = (context: KoaContext, next: () => Promise<unknown>) => Promise<unknown>;

export interface FarmFiles {
  /** True for output that runs in Node. */
  readonly isNode: boolean;
  readonly isServing: boolean;
  /** False for a build that runs once. */
  readonly isRepeated: boolean;
  configure(config: ResolvedUserConfig): void;
  /** From now on files are served instead of written. */
  serve(): void;
  middleware: KoaMiddleware;
  /** Remembers the artefact and gives the expression of its URL. */
  emit(artefact: Artefact): string;
  /** Copies what was emitted into the output folder. */
  write(): Promise<void>;
}

const FOLDER = '@quantize/';

/** The files that this plugin adds to Farm's output. */
export function farmFiles(state: PluginState): FarmFiles {
  const pending = new Map<string, string>();
  const served = new Map<string, string>();
  let output: NonNullable<NonNullable<ResolvedUserConfig['compilation']>['output']> = {};
  let root = process.cwd();
  let isServing = false;
  let isRepeated = true;
  const target = (): string => output.targetEnv ?? 'browser';
  const isNode = (): boolean => /^(?:node|library$|library-node)/.test(target());
  const base = (): string => new URL(output.publicPath ?? '/', 'http://localhost/').pathname;

  function emit({ file, fileName, sha256 }: Artefact): string {
    served.set(sha256, file);
    if (isServing) return JSON.stringify(`${base()}${FOLDER}${sha256}/${encodeURIComponent(fileName)}`);
    const name = assetName(output.assetsFilename, fileName, sha256);
    pending.set(name, file);
    const path = name.split('/').map(encodeURIComponent).join('/');
    // A library does not know where it will be served.
    if (!isNode() && !(target().startsWith('library') && output.format !== 'cjs')) return JSON.stringify(`${output.publicPath ?? '/'}${path}`);
    // Farm takes a text in `new URL` for a pattern of files.
    const relative = `[${JSON.stringify(posix.relative(posix.dirname(output.entryFilename ?? ''), path))}].join()`;
    return output.format === 'cjs' ? `new URL(${relative}, require("node:url").pathToFileURL(__filename)).href` : `new URL(${relative}, import.meta.url).href`;
  }

  async function write(): Promise<void> {
    if (isServing) return;
    for (const [name, file] of pending) {
      const path = resolve(root, output.path ?? 'dist', name);
      await mkdir(dirname(path), { recursive: true });
      await copyFile(file, `${path}.tmp`);
      await rename(`${path}.tmp`, path);
      const beside = isNode() ? [] : await sideFiles(state, name, await readFile(file));
      for (const side of beside) await writeFile(resolve(root, output.path ?? 'dist', side.name), side.bytes);
      pending.delete(name);
    }
  }

  return {
    get isNode() {
      return isNode();
    },
    get isServing() {
      return isServing;
    },
    get isRepeated() {
      return isRepeated;
    },
    configure(config) {
      output = config.compilation?.output ?? {};
      root = config.root ?? root;
      isRepeated = config.compilation?.mode !== 'production' || Boolean(config.compilation.watch);
    },
    serve: () => void (isServing = true),
    middleware: (context, next) => {
      const { req, res } = context;
      const serve = artefactServer({ prefix: base() + FOLDER, find: (sha256) => served.get(sha256) });
      if (!req.url?.startsWith(base() + FOLDER)) return next();
      context.respond = false;
      return new Promise((done, failed) => {
        res.on('close', done);
        serve(req, res, failed);
      });
    },
    emit,
    write,
  };
}

/** A name by Farm's template for assets, with a hash in any case: two artefacts of a model have the same name otherwise. */
function assetName(template = '[resourceName].[contentHash].[ext]', fileName: string, sha256: string): string {
  const ext = extname(fileName);
  const hash = sha256.slice(0, 8);
  const stem = fileName.slice(0, fileName.length - ext.length).replace(/[?#]/g, '_');
  const resource = template.includes('[contentHash]') || template.includes('[hash]') ? stem : `${stem}.${hash}`;
  const values: Record<string, string> = { resourceName: resource, contentHash: hash, hash, ext: ext.slice(1) };
  return template.replace(/\[(\w+)\]/g, (placeholder, key: string) => values[key] ?? placeholder);
}
