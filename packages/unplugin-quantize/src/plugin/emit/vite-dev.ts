import { posix } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { DevEnvironment, Environment, EnvironmentModuleNode, HotUpdateOptions, ViteDevServer } from 'vite';
import { artefactServer } from './artefact-server.ts';
import type { ModelReport } from '../../types.ts';
import type { Artefact } from './host.ts';
import { reportPage } from './report-page.ts';

const FOLDER = '@quantize/';
const REPORT = '__quantize/';

/**
 * Vite's dev server, where nothing can be emitted: a middleware serves the artefacts from the cache, code that runs in Node gets the
 * file's URL, and a change of a model or its samples reloads the page.
 */
export function viteDev(reports: () => Promise<readonly ModelReport[]>) {
  const files = new Map<string, string>();
  const dependents = new Map<string, Set<string>>();
  let server: ViteDevServer | undefined;

  /** Models that depend on a file, or on a folder that it is in: samples. A module of the app is no sample, wherever it lies. */
  function idsFor(file: string, isModule: boolean): Set<string> {
    const ids = new Set(dependents.get(file));
    if (isModule) return ids;
    for (let folder = posix.dirname(file); folder !== posix.dirname(folder); folder = posix.dirname(folder)) for (const id of dependents.get(folder) ?? []) ids.add(id);
    return ids;
  }

  return {
    configureServer(created: ViteDevServer): () => void {
      server = created;
      const { base, server: options } = created.config;
      const own = [
        artefactServer({ prefix: base + FOLDER, find: (sha256) => files.get(sha256), headers: options.headers }),
        reportPage({ path: base + REPORT, reports, headers: options.headers }),
      ];
      for (const middleware of own) created.middlewares.use(middleware);
      for (const path of dependents.keys()) created.watcher.add(path);
      return () => moveBehindHostCheck(created.middlewares.stack, own);
    },

    async emit({ config }: Environment, { file, fileName, sha256 }: Artefact): Promise<string> {
      if (config.consumer === 'server') return JSON.stringify(pathToFileURL(file).href);
      files.set(sha256, file);
      return JSON.stringify(`${config.server.origin ?? ''}${config.base}${FOLDER}${sha256}/${encodeURIComponent(fileName)}`);
    },

    watch(id: string, paths: readonly string[]): void {
      for (const path of paths.map(withSlashes)) {
        dependents.set(path, (dependents.get(path) ?? new Set()).add(id));
        server?.watcher.add(path);
      }
    },

    /** Reloads the page even where an importer accepts updates: a session keeps the model that it was made of. */
    hotUpdate(this: { environment: DevEnvironment }, { file, modules }: HotUpdateOptions): EnvironmentModuleNode[] | undefined {
      const { moduleGraph, hot } = this.environment;
      const own = [...idsFor(file, modules.length > 0)].map((id) => moduleGraph.getModuleById(id)).filter((module) => module !== undefined);
      if (own.length === 0) return undefined;
      for (const module of own) moduleGraph.invalidateModule(module);
      hot.send({ type: 'full-reload', path: '*' });
      return modules.filter((module) => !own.includes(module));
    },
  };
}

/**
 * Vite 6 installs its check of the Host header, which keeps pages of other sites from reading what the server has (DNS rebinding), after the
 * middlewares of plugins; later versions do it before.
 */
function moveBehindHostCheck(stack: { handle: unknown }[], own: readonly unknown[]): void {
  const isCheck = ({ handle }: { handle: unknown }): boolean => typeof handle === 'function' && /^viteHost(?:Check|Validation)Middleware$/.test(handle.name);
  const isOwn = ({ handle }: { handle: unknown }): boolean => own.includes(handle);
  const layers = stack.filter(isOwn);
  if (stack.findLastIndex(isCheck) < stack.findIndex(isOwn)) return;
  const others = stack.filter((layer) => !isOwn(layer));
  const check = others.findLastIndex(isCheck);
  stack.splice(0, stack.length, ...others.slice(0, check + 1), ...layers, ...others.slice(check + 1));
}

function withSlashes(path: string): string {
  return process.platform === 'win32' ? path.replaceAll('\\', '/') : path;
}
