import { statSync } from 'node:fs';
import type { LoaderContext } from 'webpack';

/** Has a loader's module loaded again when a file or folder changes or appears. */
export function watchInLoader(context: Pick<LoaderContext<object>, 'addMissingDependency' | 'addContextDependency' | 'addDependency'>, path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) context.addMissingDependency(path);
  else if (found.isDirectory()) context.addContextDependency(path);
  else context.addDependency(path);
}
