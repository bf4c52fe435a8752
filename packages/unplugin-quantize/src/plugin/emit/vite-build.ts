import { readFile } from 'node:fs/promises';
import type { PluginContext } from 'rollup';
import type { Environment, Rolldown } from 'vite';
import { createAssetEmitter } from './asset-emitter.ts';
import type { Artefact, HookContext } from './host.ts';
import { encodePath, movedUrl, publishedFolders } from './moved-output.ts';
import { scriptUrl } from './script-url.ts';

type ResolveFileUrlArgs = Parameters<Rolldown.FunctionPluginHooks['resolveFileUrl']>[0];

/**
 * Vite's builds. For browsers Vite itself turns import.meta.ROLLUP_FILE_URL into a URL under `base`. Builds for servers are different:
 * the URL has to be a file's, and Vite drops every asset of theirs (`build.emitAssets`), so the artefacts are emitted again after that.
 */
export function viteBuild() {
  const assets = createAssetEmitter();
  /** Names that are emitted a second time on purpose. */
  const restored = new Set<string>();

  return {
    begin(environment: Environment): void {
      assets.begin(environment.name);
    },

    async emit(context: HookContext, environment: Environment, artefact: Artefact): Promise<string> {
      const reference = assets.emit(context as unknown as PluginContext, environment.name, artefact);
      return `import.meta.ROLLUP_FILE_URL_${reference}`;
    },

    resolveFileUrl(this: { environment: Environment }, { referenceId, fileName, relativePath, format }: ResolveFileUrlArgs): string | null {
      const { config, name } = this.environment;
      // A library does not know where it will be served either, and Vite gives it a path from the site's root.
      const isRelative = isServer(this.environment) || config.build.lib !== false;
      if (!isRelative || !assets.emitted(name).has(referenceId)) return null;
      const path = JSON.stringify(encodePath(relativePath));
      const folders = isServer(this.environment) ? publishedFolders(config.plugins.map((plugin) => plugin.name), config.base) : [];
      if (format === 'es' && folders.length > 0) return movedUrl(path, fileName, folders);
      if (format === 'es') return `new URL(${path}, import.meta.url).href`;
      if (format !== 'cjs') return scriptUrl(path);
      const file = `require("node:url").pathToFileURL(__filename)`;
      return isServer(this.environment) ? `new URL(${path}, ${file}).href` : `(typeof document === "object" ? ${scriptUrl(path)} : new URL(${path}, ${file}).href)`;
    },

    async generateBundle(this: Rolldown.PluginContext & { environment: Environment }, _: unknown, bundle: Rolldown.OutputBundle): Promise<void> {
      if (!isServer(this.environment)) return;
      for (const [reference, { file }] of assets.emitted(this.environment.name)) {
        const fileName = this.getFileName(reference);
        if (fileName in bundle) continue;
        restored.add(fileName);
        this.emitFile({ type: 'asset', fileName, source: await readFile(file) });
      }
    },

    /** Rolldown does not notice that Vite has dropped the first file of the name and warns of a conflict. */
    onLog(_: unknown, { code, message }: { code?: string; message: string }): boolean | undefined {
      return code === 'FILE_NAME_CONFLICT' && [...restored].some((name) => message.includes(name)) ? false : undefined;
    },
  };
}

function isServer({ config }: Environment): boolean {
  return config.consumer === 'server';
}
