import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, mkdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { removeDraft, writeFailed, type WrittenFile } from './write-file.ts';

/** A file as a bundler is to see it. */
export interface NamedFile extends Pick<WrittenFile, 'sha256'> {
  /** Absolute path; never modified. */
  file: string;
  name: string;
}

/**
 * A second path of a file that ends in a name of our choice, for bundlers that read files themselves and call them by their paths:
 * a hard link, or a copy where the file system has none.
 *
 * @param folder of the links
 * @throws QuantizeError WRITE_FAILED
 */
export async function nameFile(folder: string, { file, sha256, name }: NamedFile): Promise<string> {
  const place = join(folder, sha256.slice(0, 16));
  const path = join(place, name);
  if (await isSameFile(path, file)) return path;
  const draft = join(place, `.${randomUUID()}.tmp`);
  try {
    await mkdir(place, { recursive: true });
    await link(file, draft).catch(() => copyFile(file, draft, constants.COPYFILE_FICLONE));
    await rename(draft, path);
    return path;
  } catch (cause) {
    throw writeFailed(path, cause);
  } finally {
    // A rename between two links of one file leaves both.
    removeDraft(draft);
  }
}

async function isSameFile(path: string, file: string): Promise<boolean> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  const wanted = await stat(file, { bigint: true });
  return found?.ino === wanted.ino && found.dev === wanted.dev;
}
