import { closeSync, openSync, readSync, realpathSync, statSync, type Stats } from 'node:fs';
import { dirname, join, resolve, sep } from 'node:path';
import { QuantizeError, systemErrorCode, type ErrorPlace } from '../../errors.ts';
import type { ByteSource, ExternalFiles } from '../../onnx/index.ts';
import { checkLocation } from '../../onnx/location.ts';

/** Node's readSync refuses 2 GiB and more. */
const LARGEST_READ = 1 << 30;

export interface ModelFile {
  source: ByteSource;
  /** External data beside the model, each file opened once. */
  files: ExternalFiles;
}

/**
 * Opens a model's file for as long as `use` runs; every descriptor, external data too, is closed when it ends.
 *
 * @param name how errors call the model
 * @throws QuantizeError MODEL_NOT_FOUND
 */
export function withModelFile<T>(path: string, name: string, use: (file: ModelFile) => T): T {
  const opened: FileSource[] = [];
  const keep = (source: FileSource): FileSource => {
    opened.push(source);
    return source;
  };
  try {
    return use({ source: keep(openModel(path, name)), files: externalFiles(path, name, keep) });
  } finally {
    for (const source of opened) source.close();
  }
}

interface FileSource extends ByteSource {
  close(): void;
}

function openModel(path: string, name: string): FileSource {
  return openFile(path, name, (problem, cause) => new QuantizeError('MODEL_NOT_FOUND', `The model file ${problem}.`, {
    model: name,
    hint: 'Check the path; a model in Git LFS has to be pulled first.',
    cause,
  }));
}

/** Locations are relative to the folder of the model. Their text was checked already; here the file that they lead to is. */
function externalFiles(path: string, name: string, keep: (source: FileSource) => FileSource): ExternalFiles {
  const byLocation = new Map<string, ByteSource>();
  return {
    open(location) {
      const known = byLocation.get(location);
      if (known !== undefined) return known;
      const target = resolveExternal(path, location, name);
      const source = keep(openFile(target, location, (problem, cause) => missing(location, problem, { model: name, cause })));
      byLocation.set(location, source);
      return source;
    },
  };
}

/**
 * The real path of external data. It has to lie in the model's folder: the one that the path names, or the one where the model's
 * file really is (caches of downloads keep symbolic links to a folder of their own).
 *
 * @throws QuantizeError EXTERNAL_DATA_MISSING, EXTERNAL_DATA_OUTSIDE
 */
export function resolveExternal(model: string, location: string, name: string): string {
  checkLocation(location, { model: name });
  const folder = dirname(resolve(model));
  let target: string;
  try {
    target = realpathSync(join(folder, ...location.split(/[\\/]/)));
  } catch (cause) {
    throw missing(location, problemOf(cause), { model: name, cause });
  }
  const allowed = [realpathSync(folder), dirname(realpathSync(model))];
  if (allowed.some((root) => target.startsWith(root.endsWith(sep) ? root : root + sep))) {
    const problem = irregular(statSync(target));
    if (problem !== undefined) throw missing(location, problem, { model: name });
    return target;
  }
  throw new QuantizeError('EXTERNAL_DATA_OUTSIDE', `The model refers to "${location}", a symbolic link that leads out of its folder.`, {
    model: name,
    hint: 'External data has to lie in the folder of the model or below: copy the file there.',
  });
}

function missing(location: string, problem: string, place: ErrorPlace): QuantizeError {
  return new QuantizeError('EXTERNAL_DATA_MISSING', `The model keeps weights in "${location}", which ${problem}.`, {
    ...place,
    hint: 'The .onnx file and its data file belong together: copy or download both into one folder.',
  });
}

function openFile(path: string, name: string, refuse: (problem: string, cause?: unknown) => QuantizeError): FileSource {
  try {
    // Asked before opening: to open a named pipe would wait for somebody to write into it.
    const stats = statSync(path);
    const problem = irregular(stats);
    if (problem !== undefined) throw refuse(problem);
    return descriptorSource(openSync(path, 'r'), stats.size, name);
  } catch (cause) {
    throw cause instanceof QuantizeError ? cause : refuse(problemOf(cause), cause);
  }
}

/** Devices and named pipes have no end, or never begin. */
function irregular(stats: Stats): string | undefined {
  if (stats.isFile()) return undefined;
  return stats.isDirectory() ? 'is a folder' : 'is not a regular file';
}

const PROBLEMS: Record<string, string> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'must not be read by this user',
  EPERM: 'must not be read by this user',
  ELOOP: 'is a symbolic link to itself',
};

function problemOf(error: unknown): string {
  const code = systemErrorCode(error);
  return PROBLEMS[code ?? ''] ?? `cannot be read (${code ?? String(error)})`;
}

function descriptorSource(descriptor: number, byteLength: number, name: string): FileSource {
  function readInto(offset: number, target: Uint8Array): void {
    for (let done = 0; done < target.byteLength;) {
      const length = Math.min(LARGEST_READ, target.byteLength - done);
      const count = readSync(descriptor, target, done, length, offset + done);
      if (count === 0) {
        throw new QuantizeError('MODEL_TRUNCATED', `The file ends at byte ${offset + done}, before the ${byteLength} bytes that it had when it was opened.`, { model: name });
      }
      done += count;
    }
  }
  return {
    name,
    byteLength,
    readInto,
    read(offset, length) {
      const bytes = new Uint8Array(length);
      readInto(offset, bytes);
      return bytes;
    },
    close: () => closeSync(descriptor),
  };
}
