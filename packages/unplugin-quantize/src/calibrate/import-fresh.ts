import { createRequire } from 'node:module';

/**
 * Loads the module and its own files as they are on the disk now: a dev server loads again after an edit, and Node's module cache
 * would give the old text. TypeScript runs too. Packages in node_modules stay cached, because native addons load only once.
 *
 * @throws whatever the module throws
 */
export async function importFresh(path: string): Promise<unknown> {
  evict(path);
  // Loaded here, because a build whose results are cached runs no module.
  const { createJiti } = await import('jiti');
  return createJiti(path, { fsCache: false, interopDefault: false }).import(path);
}

/** Drops a module and everything outside node_modules that was loaded on its behalf. */
function evict(path: string): void {
  const { cache } = createRequire(path);
  const isOurs = (module: NodeJS.Module | undefined | null): boolean => {
    const seen = new Set<unknown>();
    for (let at = module; at && !seen.has(at); at = parentOf(at)) {
      if (at.filename === path) return true;
      seen.add(at);
    }
    return false;
  };
  const stale = Object.keys(cache).filter((file) => !/[\\/]node_modules[\\/]/.test(file) && isOurs(cache[file]));
  for (const file of stale) delete cache[file];
}

/** `module.parent` is deprecated for programs that ask who started them; here it is the only record of who loaded what. */
function parentOf(module: NodeJS.Module): NodeJS.Module | null | undefined {
  return 'parent' in module ? (module.parent as NodeJS.Module | null | undefined) : undefined;
}
