import type { SampleItem, SampleLabel } from './source.ts';

/**
 * The class of each item, or undefined where one has none. Classes are numbered in the order of their names' code units, unless all names are whole
 * numbers, which then are the indices.
 */
export function labelsOf(items: readonly SampleItem[]): SampleLabel[] | undefined {
  const names = items.map(({ label }) => label);
  if (!names.every((name) => name !== undefined)) return undefined;
  const distinct = [...new Set(names)].sort();
  const isNumbered = distinct.every((name) => /^(0|[1-9]\d{0,8})$/.test(name));
  const indices = new Map(distinct.map((name, i) => [name, isNumbered ? Number(name) : i]));
  return names.map((name) => ({ name, index: indices.get(name)! }));
}
