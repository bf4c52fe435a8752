import { readFile, stat } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { MODULE_EXTENSIONS } from './files/extensions.ts';

/**
 * A module and the files of the project that it names: what it imports (also by `import()`, `require` and `export from`), and files of
 * `new URL('./x', import.meta.url)`, at any depth. Found in the text without running it, so a specifier that is computed is not seen, and neither
 * is what packages contain.
 *
 * @returns absolute paths, the module's own first
 * @throws Node's own error when the module itself cannot be read
 */
export async function modulesOf(path: string): Promise<string[]> {
  const found = new Set([path]);
  // A set gives what is added to it while it is gone through.
  for (const file of found) {
    if (!MODULE_EXTENSIONS.includes(extname(file).toLowerCase())) continue;
    const text = await readFile(file, 'utf8');
    for (const specifier of specifiersIn(text)) {
      const target = await resolveFile(specifier, file);
      if (target !== undefined && !/[\\/]node_modules[\\/]/.test(target)) found.add(target);
    }
  }
  return [...found];
}

const SPECIFIERS = [
  /\b(?:import|export)\b[^'"`;()]*?\bfrom\s*(['"])(\.{1,2}\/[^'"\n]+|file:[^'"\n]+)\1/g,
  /\bimport\s*(['"])(\.{1,2}\/[^'"\n]+|file:[^'"\n]+)\1/g,
  /\b(?:import|require|require\.resolve)\s*\(\s*(['"`])(\.{1,2}\/[^'"`\n$]+)\1/g,
  /\bnew\s+URL\s*\(\s*(['"`])(\.{0,2}\/?[^'"`\n$:]+)\1\s*,\s*import\.meta\.url/g,
];

/** Comments are searched too: a file too many costs a rebuild, a file too few a wrong result. */
function specifiersIn(text: string): string[] {
  return SPECIFIERS.flatMap((pattern) => [...text.matchAll(pattern)].map(([, , specifier]) => specifier!));
}

/** The file as Node, TypeScript and jiti look for it: as written, `.ts` for `.js`, with an ending, as a folder's index. */
async function resolveFile(specifier: string, from: string): Promise<string | undefined> {
  const path = specifier.startsWith('file:') ? fileURLToPath(specifier) : fileURLToPath(new URL(specifier.replaceAll('\\', '/'), pathToFileURL(from)));
  const base = resolve(dirname(from), path);
  const asTypeScript = /\.[mc]?js$/.test(base) ? [base.replace(/js$/, 'ts')] : [];
  const candidates = [base, ...asTypeScript, ...[...MODULE_EXTENSIONS, '.json'].flatMap((extension) => [base + extension, resolve(base, `index${extension}`)])];
  for (const candidate of candidates) if (await isFile(candidate)) return candidate;
  return undefined;
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then((found) => found.isFile(), () => false);
}
