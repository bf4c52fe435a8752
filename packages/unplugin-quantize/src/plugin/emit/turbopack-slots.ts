import { randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync } from 'node:fs';
import { copyFile, mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Artefact } from './host.ts';

/**
 * Where Turbopack reads artefacts, beside the project's other caches because it takes files from inside of its root only. A build of Turbopack reads
 * each folder once and sees nothing that comes later, so an empty folder for every file that may come has to be there before it starts.
 */
export const SLOTS = 'node_modules/.cache/unplugin-quantize/published';

/** Of the SHA-256 in hexadecimal digits; 4096 folders. */
const DIGITS = 3;
const COUNT = 16 ** DIGITS;

/** Makes the folders of a project's slots that are not there yet. */
export function makeSlots(project: string): void {
  const root = join(project, SLOTS);
  mkdirSync(root, { recursive: true });
  const there = new Set(readdirSync(root));
  for (let index = 0; index < COUNT; index++) if (!there.has(nameOf(index))) mkdirSync(join(root, nameOf(index)), { recursive: true });
}

/**
 * Copies an artefact into a folder of its own: the one that its hash names, or the next that holds no other.
 *
 * @param project folder that has the slots
 * @returns path of the copy
 */
export async function placeInSlot(project: string, { file, fileName, sha256 }: Pick<Artefact, 'file' | 'fileName' | 'sha256'>): Promise<string> {
  const root = join(project, SLOTS);
  const first = Number.parseInt(sha256.slice(0, DIGITS), 16);
  for (let step = 0; step < COUNT; step++) {
    const slot = join(root, nameOf((first + step) % COUNT));
    if ((await readdir(slot)).some((name) => name !== sha256)) continue;
    await mkdir(join(slot, sha256), { recursive: true });
    // Several processes load modules; a reader sees all of the file or nothing.
    const draft = join(root, randomUUID());
    await copyFile(file, draft);
    const path = join(slot, sha256, fileName);
    await rename(draft, path);
    return path;
  }
  throw new Error(`${root} has no free folder left: remove it`);
}

function nameOf(index: number): string {
  return index.toString(16).padStart(DIGITS, '0');
}
