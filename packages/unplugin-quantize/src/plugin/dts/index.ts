import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { displayName } from '../../pipeline/display-name.ts';
import { replaceFile } from '../../pipeline/cache/write-file.ts';
import type { ValueSignature } from '../../types.ts';
import { formatDeclarations, parseDeclarations, typeOf, type Declared } from './declaration.ts';

/** The declaration file that grows with the imports that bundlers meet. */
export interface Declarations {
  /** An import as it is written, and the model that it means. */
  imported(specifier: string, file: string): void;
  /** What a model takes and gives. */
  described(file: string, inputs: readonly ValueSignature[], outputs: readonly ValueSignature[]): void;
  /** Writes the file, where that changes it. */
  write(): Promise<void>;
}

export interface DeclarationOptions {
  root(): string;
  /** Path of the file, from the root. */
  path: string;
  warn(message: string): void;
}

/** A dev server meets imports one after the other. */
const DELAY_MS = 100;

/**
 * Keeps what earlier builds wrote as long as the model is there: a build for servers and one for browsers meet different imports, and the file
 * should not change with who wrote it last.
 */
export function createDeclarations({ root, path, warn }: DeclarationOptions): Declarations {
  const imports = new Map<string, Set<string>>();
  const types = new Map<string, string>();
  let timer: NodeJS.Timeout | undefined;
  let writing: Promise<void> = Promise.resolve();

  function schedule(): void {
    timer ??= setTimeout(() => write().catch((error: unknown) => warn(`The declarations were not written: ${(error as Error).message}`)), DELAY_MS).unref();
  }

  async function writeNow(): Promise<void> {
    const file = join(root(), path);
    const before = await readFile(file, 'utf8').catch(() => '');
    const text = formatDeclarations(merge(parseDeclarations(before).map(onlyPresent), fresh()));
    if (imports.size > 0 && text !== before) await replaceFile(file, text);
  }

  function fresh(): Declared[] {
    return [...imports].map(([pattern, files]) => {
      const known = [...files].flatMap((file) => (types.has(file) ? [[displayName(root(), file), types.get(file)!] as const] : []));
      return { pattern, models: new Map(known) };
    });
  }

  /** Models of packages may lie anywhere. */
  function onlyPresent({ pattern, models }: Declared): Declared {
    return { pattern, models: new Map([...models].filter(([name]) => existsSync(join(root(), name)) || existsSync(join(root(), 'node_modules', name)))) };
  }

  function write(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    // One after the other, and each with all that is known when its turn comes.
    return (writing = writing.catch(() => undefined).then(writeNow));
  }

  return {
    imported(specifier, file) {
      const pattern = patternOf(specifier);
      if (pattern === undefined) return;
      const files = imports.get(pattern) ?? new Set();
      imports.set(pattern, files.add(file));
      if (types.has(file)) schedule();
    },
    described(file, inputs, outputs) {
      types.set(file, typeOf(inputs, outputs));
      schedule();
    },
    write,
  };
}

function merge(...lists: Declared[][]): Declared[] {
  const merged = new Map<string, Declared>();
  for (const { pattern, models } of lists.flat()) merged.set(pattern, { pattern, models: new Map([...(merged.get(pattern)?.models ?? []), ...models]) });
  return [...merged.values()].filter(({ models }) => models.size > 0);
}

/**
 * The name under which TypeScript knows an import: relative ones cannot be named, so any path may stand before them.
 *
 * @returns undefined for imports that no source has, such as those of bundlers themselves, and for URLs, whose type is always the same
 */
function patternOf(specifier: string): string | undefined {
  if (/[?&](?:url|as|import|t|v|escaped)(?:[=&]|$)|\*|[\r\n]/.test(specifier) || specifier.startsWith('/@')) return undefined;
  if (isAbsolute(specifier) && existsSync(specifier.replace(/\?.*$/s, ''))) return undefined;
  if (!/^\.{0,2}\//.test(specifier)) return specifier;
  return `*/${specifier.replace(/^(?:\.{0,2}\/)+/, '')}`;
}
