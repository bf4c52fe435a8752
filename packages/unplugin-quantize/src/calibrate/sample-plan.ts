import { dirname, relative, sep } from 'node:path';
import { chooseItems } from './choose.ts';
import { byName, type FoundFile } from './files/find-files.ts';
import type { LocatedSamples } from './files/locate.ts';
import { openSource } from './open-source.ts';
import { modulesOf } from './module-imports.ts';
import type { SampleOptions } from './samples.ts';

/** What decides which samples a run gets, without their values being read. */
export interface SamplePlan {
  /** Files that samples are made of, sorted by name; a module's with those that it imports. */
  files: FoundFile[];
  /** Names of the chosen items, in order; empty for a module. */
  items: string[];
  /** For the report: what was presumed of the samples. */
  notes: string[];
}

/**
 * The files that `openSamples` would read with the same arguments.
 *
 * @throws QuantizeError as `openSamples`
 */
export async function planSamples(located: LocatedSamples, { limit: asked = Infinity, inputs = [] }: SampleOptions): Promise<SamplePlan> {
  const source = await openSource(located, { inputs });
  if ('module' in source) return { files: (await modulesOf(source.module)).map((path) => ({ path, name: nameFrom(source.module, path) })).sort(byName), items: [], notes: [] };
  const { limit = asked, seed = 0 } = located.spec;
  const chosen = chooseItems(source, limit, seed).flat().map((i) => source.items[i]!);
  const files = new Map([...source.files, ...chosen.map(({ file }) => file)].map((file) => [file.path, file]));
  const notes = source.note === undefined ? [] : [source.note];
  return { files: [...files.values()].sort(byName), notes, items: chosen.map(({ name, label }) => (label === undefined ? name : `${name} ${label}`)) };
}

/** The path from the module's folder, with '/'. */
function nameFrom(module: string, path: string): string {
  return relative(dirname(module), path).split(sep).join('/');
}
