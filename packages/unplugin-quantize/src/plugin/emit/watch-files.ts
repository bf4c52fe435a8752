import { existsSync } from 'node:fs';
import type { PluginContext } from 'rollup';
import type { Arrivals } from '../arrivals.ts';
import type { HookContext } from './host.ts';

/** Has a build of a watcher repeated when one of the files changes or appears; Rolldown notices by itself only files that are there. */
export function watchFiles(context: HookContext, files: readonly string[], arrivals?: Arrivals): void {
  const { meta } = context as HookContext & Partial<Pick<PluginContext, 'meta'>>;
  const signals = meta?.watchMode === true && arrivals !== undefined ? arrivals.signalsOf(files.filter((file) => !existsSync(file))) : [];
  for (const file of [...files, ...signals]) context.addWatchFile(file);
}
