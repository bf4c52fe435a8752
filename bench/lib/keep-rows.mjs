/**
 * The rows of this run, and in the place of those that were not run the ones of an earlier run, in the order of all cases.
 * A row without a case is dropped.
 *
 * @param {object[]} cases what can be run
 * @param {string[]} identity the keys that tell one row from another
 */
export function keepRows(cases, identity, before, now) {
  const nameOf = (row) => identity.map((key) => row[key] ?? '').join(' ');
  const known = new Map([...before, ...now].map((row) => [nameOf(row), row]));
  return cases.flatMap((one) => known.get(nameOf(one)) ?? []);
}
