import type { PluginContext } from 'rollup';
import { loadRequest, withModule } from '../load.ts';
import { ONNXRUNTIME_IMPORT, sameBuild } from '../onnxruntime-build.ts';
import { formatRequest, parseRequest, REQUEST_ID } from '../request.ts';
import { resolveModel } from '../resolve.ts';
import { REQUEST_TEXT, rewriteUrls } from '../rewrite/rewrite-urls.ts';
import { SCRIPT } from '../rewrite/scripts.ts';
import type { PluginState } from '../state.ts';
import { NATIVE_PACKAGE, type HookContext, type Hooks, type RollupLikeHost } from './host.ts';

/** The hooks of bundlers that resolve and load as Rollup does. */
export function rollupLikeHooks(state: PluginState, host: RollupLikeHost): Hooks {
  return {
    resolveId: {
      filter: { id: new RegExp(`${REQUEST_ID.source}|^${NATIVE_PACKAGE}$|${ONNXRUNTIME_IMPORT.source}`) },
      handler(specifier, importer) {
        if (host.isExternal(this, specifier)) return leaveNativePackage(this, specifier, importer);
        if (ONNXRUNTIME_IMPORT.test(specifier)) return resolveEngine(state, this, specifier, importer);
        return resolveRequest(state, host, this, specifier, importer);
      },
    },
    load: {
      filter: { id: REQUEST_ID },
      async handler(id) {
        try {
          const request = parseRequest(id);
          if (request === undefined) return undefined;
          const code = await loadRequest(state, request, {
            scope: host.scope(this),
            platform: host.platform(this),
            watch: (files) => host.watch(this, id, files),
            emit: (artefact) => host.emit(this, artefact),
            tell: host.tell,
          });
          // Without a source map of its own, the module is its own source. An import that nobody uses leaves nothing behind.
          return { code, map: null, moduleSideEffects: false };
        } catch (error) {
          throw withModule(error, id);
        }
      },
    },
    transform: {
      filter: { id: SCRIPT, code: REQUEST_TEXT },
      handler: (code, id) => rewriteUrls(code, id, { isAbsolute: false, hasRequire: false }),
    },
    ...host.hooks,
  };
}

/**
 * The module id of a model import: the absolute path of the model with the query in one spelling, so that equal wishes are one module.
 *
 * @returns undefined for imports of other plugins
 * @throws QuantizeError MODEL_NOT_FOUND, OPTION_UNKNOWN, OPTION_INVALID
 */
async function resolveRequest(state: PluginState, host: RollupLikeHost, context: HookContext, specifier: string, importer: string | undefined): Promise<string | undefined> {
  const request = parseRequest(specifier);
  if (request === undefined) return undefined;
  const file = await resolveModel(request.file, importer, {
    root: state.root,
    rootRelative: host.rootRelative,
    resolve: (path, from) => askBundler(context, path, from),
    missing: (paths) => host.watch(context, importer ?? specifier, paths),
  });
  state.declarations?.imported(specifier, file);
  return formatRequest({ ...request, file });
}

/** A plugin that leaves it too may copy it to where the output goes, as Nitro's does, and has to see it. */
async function leaveNativePackage(context: HookContext, specifier: string, importer: string | undefined): Promise<{ id: string; external: boolean }> {
  const resolved = await (context as HookContext & Partial<Pick<PluginContext, 'resolve'>>).resolve?.call(context as unknown as PluginContext, specifier, importer, { skipSelf: true });
  return { id: resolved?.external ? resolved.id : specifier, external: true };
}

/** @returns undefined where the import stays as it is */
async function resolveEngine({ onnxruntime }: PluginState, context: HookContext, specifier: string, importer: string | undefined): Promise<string | undefined> {
  const path = onnxruntime && (await askBundler(context, specifier, importer));
  return path && sameBuild(path, onnxruntime);
}

/** The bundler's own resolution, where its hooks offer one. */
async function askBundler(context: HookContext, path: string, importer: string | undefined): Promise<string | undefined> {
  const { resolve } = context as HookContext & Partial<Pick<PluginContext, 'resolve'>>;
  const resolved = await resolve?.call(context as unknown as PluginContext, path, importer, { skipSelf: true });
  return resolved?.external === false ? resolved.id : undefined;
}
