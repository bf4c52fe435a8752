import { relative, sep } from 'node:path';
import type { LoaderContext } from 'webpack';
import type { Options } from '../../options.ts';
import { loadRequest, withModule } from '../load.ts';
import type { ModelRequest } from '../request.ts';
import type { Platform } from '../platform.ts';
import { PluginState } from '../state.ts';
import type { Artefact } from './host.ts';
import { watchInLoader } from './loader-watch.ts';
import { makeSlots, placeInSlot } from './turbopack-slots.ts';

/** Options of the loader in a rule of Turbopack's, where there is no plugin: the plugin's, as JSON, and what Turbopack does not tell. */
export interface TurbopackLoaderOptions extends Options {
  /** Where the modules of the rule's condition run. @default 'browser' */
  platform?: Platform;
}

type Context = LoaderContext<TurbopackLoaderOptions>;

interface Shared {
  state: PluginState;
  /** Loads under way. */
  running: number;
}

/** One for all modules that a process of Turbopack's loads with the same options. */
const shared = new Map<string, Shared>();

/** The code of a model's module in Turbopack, which has loaders and no plugins. */
export async function loadInTurbopack(context: Context, request: ModelRequest): Promise<string> {
  const { platform = 'browser', ...options } = context.getOptions();
  const key = JSON.stringify([context.rootContext, platform, options]);
  // Rules of one's own have not made them.
  if (!shared.has(key)) makeSlots(context.rootContext);
  const known = shared.get(key) ?? { state: new PluginState({ report: false, ...options }), running: 0 };
  shared.set(key, known);
  const { state } = known;
  const logger = context.getLogger('unplugin-quantize');
  state.root = context.rootContext;
  state.warn = (message) => logger.warn(message);
  known.running++;
  try {
    return await loadRequest(state, request, {
      scope: platform,
      platform,
      watch: (files) => files.forEach((file) => watchInLoader(context, file)),
      emit: (artefact) => publish(context, artefact),
      tell: (reports) => console.log(state.table(reports)),
    });
  } catch (error) {
    throw withModule(error, context.resource);
  } finally {
    // Nothing tells the end of the build, and workers would outlive it.
    if (--known.running === 0) await state.close();
  }
}

/** Turbopack emits what `new URL` names, called as that file is. */
async function publish({ rootContext, context: folder }: Context, { file, fileName, sha256 }: Artefact): Promise<string> {
  const path = await placeInSlot(rootContext, { file, fileName, sha256 });
  const specifier = relative(folder!, path).split(sep).join('/');
  return `new URL(${JSON.stringify(specifier.startsWith('.') ? specifier : `./${specifier}`)}, import.meta.url).href`;
}
