import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { EngineName } from '../types.ts';

const ENGINES: readonly EngineName[] = ['onnxruntime-node', 'onnxruntime-web'];

/** Versions of the engines that this package would load, without loading them: that takes longer than a warm build may. */
export async function engineVersions(from = import.meta.url): Promise<Partial<Record<EngineName, string>>> {
  const versions = await Promise.all(ENGINES.map(async (engine) => [engine, await versionOf(engine, from)] as const));
  return Object.fromEntries(versions.filter(([, version]) => version !== undefined));
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
