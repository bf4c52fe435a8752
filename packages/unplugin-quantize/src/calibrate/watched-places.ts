import { existsSync } from 'node:fs';
import { MODULE_EXTENSIONS } from './files/extensions.ts';
import { hasExtension } from './files/find-files.ts';
import type { LocatedSamples } from './files/locate.ts';
import { modulesOf } from './module-imports.ts';

/**
 * Absolute paths of files and folders whose change may change the samples, also while they cannot be read: the folder of a pattern, a module with what it
 * imports.
 */
export async function watchedPlaces({ at, tokenizer }: LocatedSamples): Promise<string[]> {
  const places = new Set(tokenizer === undefined ? [] : [tokenizer]);
  for (const { base, pattern } of at) {
    const isModule = pattern === undefined && hasExtension(base, MODULE_EXTENSIONS) && existsSync(base);
    for (const path of isModule ? await modulesOf(base) : [base]) places.add(path);
  }
  return [...places];
}
