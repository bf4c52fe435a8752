import { basename } from 'node:path';
import { QuantizeError } from '../errors.ts';
import { sidecarFiles } from '../pipeline/settings/index.ts';
import type { Delivery } from '../pipeline/index.ts';
import type { ModelReport } from '../types.ts';
import type { Artefact } from './emit/host.ts';
import { modelFacts, modelModule, urlModule } from './module-code.ts';
import type { ModelRequest } from './request.ts';
import type { Platform } from './platform.ts';
import type { PluginState } from './state.ts';

export const PLUGIN_NAME = 'unplugin-quantize';

/** What a bundler lends to the loading of one module. */
export interface LoadSite {
  /** Which of several builds of one plugin instance is at work. */
  scope: string;
  /** Where its output runs. */
  platform: Platform;
  /** Has the module loaded again when one of the files or folders changes or appears; called before the work with what is known, and after it. */
  watch(files: readonly string[]): void;
  /** Publishes the artefact and gives the JavaScript expression of its URL. */
  emit(artefact: Artefact): Promise<ModuleUrl>;
  /** Told of the loaded model at once, where no end of a build is to come. */
  tell?: ((reports: readonly ModelReport[]) => void) | undefined;
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
  site.watch([request.file, ...(await sidecarFiles(request.file))]);
  const options = await state.settingsOf(request, site.platform);
  site.watch(await state.samplesOf(options));
  const { variants, canary, dependencies } = await state.quantize(site.scope, request.file, options);
  site.watch(dependencies);
  const { inputs, outputs } = variants[0]!.report;
  state.declarations?.described(request.file, inputs, outputs);
  site.tell?.(variants.map(({ report }) => report));
  const name = basename(request.file);
  if (request.url) {
    // A URL is for whatever device comes.
    const { file, report: { artefact: { sha256 } } } = variants.find(({ report }) => report.needs === undefined)!;
    const urls = await publish([{ file, fileName: name, sha256 }], site);
    return urls.imports + urlModule(urls.expressions.get(sha256)!, request.path);
  }
  const published = await Promise.all(variants.map(async (variant) => ({ variant, delivery: await state.deliver(variant) })));
  const urls = await publish(published.flatMap(({ delivery }) => filesOf(delivery, name)), site);
  return urls.imports + modelModule(modelFacts(published, canary), urls.expressions);
}

/** A server may unpack what is called .gz as a whole; of a part it could make nothing, so parts look like any model. */
function filesOf({ files, encoding }: Delivery, name: string): Artefact[] {
  const stem = name.replace(/\.onnx$/, '');
  const nameOf = (i: number): string => (files.length > 1 ? `${stem}.${i + 1}.onnx` : encoding === 'gzip' ? `${name}.gz` : name);
  return files.map(({ file, sha256 }, i) => ({ file, sha256, fileName: nameOf(i) }));
}

/** Publishes each file once; gives the expressions of their URLs by hash. */
async function publish(files: readonly Artefact[], site: LoadSite): Promise<{ imports: string; expressions: Map<string, string> }> {
  const expressions = new Map<string, string>();
  let imports = '';
  for (const file of files) {
    if (expressions.has(file.sha256)) continue;
    const url = await site.emit(file);
    if (typeof url !== 'string') imports += url.imports;
    expressions.set(file.sha256, typeof url === 'string' ? url : url.expression);
  }
  return { imports, expressions };
}

/** The error as dev servers show it: with the fields `id` and `plugin`. */
export function withModule(error: unknown, id: string): unknown {
  return error instanceof QuantizeError ? Object.assign(error, { id, plugin: PLUGIN_NAME }) : error;
}
