import { basename } from 'node:path';
import { QuantizeError } from '../errors.ts';
import type { HookContext, Host } from './emit/host.ts';
import { modelFacts, modelModule, urlModule } from './module-code.ts';
import { parseRequest, type ModelRequest } from './request.ts';
import type { PluginState } from './state.ts';

export const PLUGIN_NAME = 'unplugin-quantize';

export interface LoadedModule {
  code: string;
  map: null;
  moduleSideEffects: false;
}

/**
 * The module of a model import: quantizes the model, publishes the artefact and writes down what is known of it.
 *
 * @returns undefined for ids of other plugins
 * @throws QuantizeError with the fields `id` and `plugin`, which dev servers show
 */
export async function loadModel(state: PluginState, host: Host, context: HookContext, id: string): Promise<LoadedModule | undefined> {
  try {
    const request = parseRequest(id);
    if (request === undefined) return undefined;
    // Without a source map of its own, the module is its own source. An import that nobody uses leaves nothing behind.
    return { code: await loadRequest(state, host, context, id, request), map: null, moduleSideEffects: false };
  } catch (error) {
    throw error instanceof QuantizeError ? Object.assign(error, { id, plugin: PLUGIN_NAME }) : error;
  }
}

async function loadRequest(state: PluginState, host: Host, context: HookContext, id: string, request: ModelRequest): Promise<string> {
  // Watched before the work, so that a model that fails is tried again when it changes.
  host.watch(context, id, [request.file, ...state.samplesOf(request)]);
  const { file, report, sessionOptions, dependencies } = await state.quantize(host.scope(context), request);
  host.watch(context, id, dependencies);
  host.tell?.(report);
  const url = await host.emit(context, { file, fileName: basename(request.file), sha256: report.artefact.sha256 });
  return request.url ? urlModule(url) : modelModule(modelFacts(report, sessionOptions), url);
}
