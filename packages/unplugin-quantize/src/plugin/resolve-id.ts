import type { PluginContext } from 'rollup';
import type { HookContext, Host } from './emit/host.ts';
import { formatRequest, parseRequest } from './request.ts';
import { resolveModel } from './resolve.ts';
import type { PluginState } from './state.ts';

/**
 * The module id of a model import: the absolute path of the model with the query in one spelling, so that equal wishes are one module.
 * Every bundler needs an id of this plugin's own: webpack and Rspack would parse the file otherwise.
 *
 * @returns undefined for imports of other plugins
 * @throws QuantizeError MODEL_NOT_FOUND, OPTION_UNKNOWN, OPTION_INVALID
 */
export async function resolveRequest(state: PluginState, host: Host, context: HookContext, specifier: string, importer: string | undefined): Promise<string | undefined> {
  const request = parseRequest(specifier);
  if (request === undefined) return undefined;
  const { root } = state;
  const file = await resolveModel(request.file, importer, {
    root,
    rootRelative: host.rootRelative,
    resolve: (path, from) => askBundler(context, path, from),
    missing: (paths) => host.watch(context, importer ?? specifier, paths),
  });
  return formatRequest({ ...request, file });
}

/** The bundler's own resolution, where its hooks offer one. */
async function askBundler(context: HookContext, path: string, importer: string | undefined): Promise<string | undefined> {
  const { resolve } = context as HookContext & Partial<Pick<PluginContext, 'resolve'>>;
  const resolved = await resolve?.call(context as unknown as PluginContext, path, importer, { skipSelf: true });
  return resolved?.external === false ? resolved.id : undefined;
}
