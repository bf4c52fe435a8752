import { relative, sep } from 'node:path';

/**
 * The path from the project's root with '/' on every system, so that reports of two machines are equal; for a model of a package
 * the package's name and the path inside it, wherever the package manager keeps it.
 */
export function displayName(root: string, path: string): string {
  const name = relative(root, path).split(sep).join('/');
  return name.split(/(?:^|\/)node_modules\//).at(-1)!;
}
