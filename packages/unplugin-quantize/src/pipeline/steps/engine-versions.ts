import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { EngineName } from '../../types.ts';

const ENGINES: readonly EngineName[] = ['onnxruntime-node', 'onnxruntime-web'];
const READERS = ['sharp', '@huggingface/tokenizers'];

/** Versions of the engines that this package would load, without loading them: that takes longer than a warm build may. */
export async function engineVersions(from = import.meta.url): Promise<Partial<Record<EngineName, string>>> {
  return versionsOf(ENGINES, from);
}

/** Versions of the packages that samples are read with: another one may give other values. */
export async function readerVersions(from = import.meta.url): Promise<Record<string, string>> {
  return versionsOf(READERS, from);
}

async function versionsOf(names: readonly string[], from: string): Promise<Record<string, string>> {
  const versions = await Promise.all(names.map(async (name) => [name, await versionOf(name, from)] as const));
  return Object.fromEntries(versions.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Found by its folder, because a package need not export its package.json. */
async function versionOf(name: string, from: string): Promise<string | undefined> {
  for (const folder of createRequire(from).resolve.paths(name) ?? []) {
    const version = await readVersion(join(folder, name, 'package.json'));
    if (version !== undefined) return version;
  }
  return undefined;
}

async function readVersion(path: string): Promise<string | undefined> {
  try {
    const { version } = JSON.parse(await readFile(path, 'utf8')) as { version?: unknown };
    return typeof version === 'string' ? version : undefined;
  } catch {
    return undefined;
  }
}
