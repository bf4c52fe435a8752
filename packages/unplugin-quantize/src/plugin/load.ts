import { basename } from 'node:path';
import { QuantizeError } from '../errors.ts';
import type { ModelReport } from '../types.ts';
import type { Artefact } from './emit/host.ts';
import { modelFacts, modelModule, urlModule } from './module-code.ts';
import type { ModelRequest } from './request.ts';
import type { PluginState } from './state.ts';

export const PLUGIN_NAME = 'unplugin-quantize';

/** What a bundler lends to the loading of one module. */
export interface LoadSite {
  /** Which of several builds of one plugin instance is at work. */
  scope: string;
  /** Has the module loaded again when one of the files or folders changes or appears; called before the work with what is known, and after it. */
  watch(files: readonly string[]): void;
  /** Publishes the artefact and gives the JavaScript expression of its URL. */
  emit(artefact: Artefact): Promise<ModuleUrl>;
  /** Told of the loaded model at once, where no end of a build is to come. */
  tell?: ((report: ModelReport) => void) | undefined;
}

/** How a module gets its artefact's URL: the expression, and imports that the expression needs. */
export type ModuleUrl = string | { imports: string; expression: string };

/**
 * The module of a model import: quantizes the model, publishes the artefact and writes down what is known of it.
 *
 * @throws QuantizeError
 */
export async function loadRequest(state: PluginState, request: ModelRequest, site: LoadSite): Promise<string> {
  // Watched before the work, so that a model that fails is tried again when it changes.
  site.watch([request.file, ...(await state.samplesOf(request))]);
  const { file, report, sessionOptions, dependencies } = await state.quantize(site.scope, request);
  site.watch(dependencies);
  site.tell?.(report);
  const url = await site.emit({ file, fileName: basename(request.file), sha256: report.artefact.sha256 });
  const { imports, expression } = typeof url === 'string' ? { imports: '', expression: url } : url;
  return imports + (request.url ? urlModule(expression) : modelModule(modelFacts(report, sessionOptions), expression));
}

/** The error as dev servers show it: with the fields `id` and `plugin`. */
export function withModule(error: unknown, id: string): unknown {
  return error instanceof QuantizeError ? Object.assign(error, { id, plugin: PLUGIN_NAME }) : error;
}
