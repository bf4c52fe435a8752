import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { systemErrorCode } from '../errors.ts';
import { writeFailed } from '../pipeline/cache/write-file.ts';

/**
 * Moves finished files out of a folder into their places, all or none: where one cannot be moved, those before it go and what they
 * replaced comes back.
 *
 * @param moves name in `folder` and path of its place, in order
 * @throws QuantizeError WRITE_FAILED
 */
export async function settle(folder: string, moves: readonly (readonly [name: string, place: string])[]): Promise<void> {
  const undo: (() => Promise<void>)[] = [];
  for (const [name, place] of moves) {
    const [made, older] = [join(folder, name), join(folder, `${name}.older`)];
    try {
      // The last file needs no way back: its rename replaces an older one at once.
      const isLast = moves.at(-1)?.[0] === name;
      if (!isLast && (await moveIfThere(place, older))) undo.unshift(() => rename(older, place));
      await rename(made, place);
      undo.unshift(() => rename(place, made));
    } catch (cause) {
      for (const step of undo) await step();
      throw writeFailed(place, cause);
    }
  }
}

async function moveIfThere(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}
