/**
 * Frameworks that bundle the output of Vite's server build once more and put it elsewhere, without the files beside it, or that take these
 * away. The files are with the client's, which have the same names.
 */
const PUBLISHED: readonly { plugin: RegExp; folder: string }[] = [
  { plugin: /^vite-plugin-sveltekit/, folder: 'client/' },
  { plugin: /^astro:/, folder: 'client/' },
  { plugin: /^nuxt:/, folder: 'public/' },
];

/**
 * Folders to look for a server's files in, relative to any folder above its modules; none where the output stays as it is.
 *
 * @param plugins names of Vite's plugins
 * @param base path that the site is served under
 */
export function publishedFolders(plugins: readonly string[], base: string): string[] {
  const inside = base.startsWith('/') ? base.slice(1) : '';
  const folders = PUBLISHED.filter(({ plugin }) => plugins.some((name) => plugin.test(name))).map(({ folder }) => folder);
  return [...new Set(folders.flatMap((folder) => [folder, folder + inside]))];
}

/**
 * The expression of the URL of a file that lies beside a module, or, where the module has been moved, below one of the folders.
 *
 * @param relative JavaScript expression of the URL relative to the module
 * @param fileName path of the file in the output
 * @param module expression of the module's URL
 */
export function movedUrl(relative: string, fileName: string, folders: readonly string[], module = 'import.meta.url'): string {
  const url = `new URL(${relative}, ${module})`;
  const paths = folders.map((folder) => encodeURI(folder) + encodePath(fileName));
  // Without a file system there is nothing to look for.
  return `((url, fs) => {
  if (!fs || fs.existsSync(url)) return url;
  for (let at = new URL('.', ${module}), last; at.href !== last; last = at.href, at = new URL('..', at)) {
    const found = ${JSON.stringify(paths)}.map((path) => new URL(path, at)).find((place) => fs.existsSync(place));
    if (found) return found;
  }
  return url;
})(${url}, globalThis.process?.getBuiltinModule?.('node:fs')).href`;
}

/** A path as it stands in a URL. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}
