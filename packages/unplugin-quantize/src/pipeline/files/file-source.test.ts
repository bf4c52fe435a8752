import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync, writeSync, closeSync, existsSync, chmodSync, linkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withModelFile } from './file-source.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'file-source-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const nothing = (): void => undefined;

describe('withModelFile', () => {
  it('reads any range', () => {
    const path = join(folder, 'model.onnx');
    writeFileSync(path, Uint8Array.from({ length: 300 }, (_, i) => i % 251));
    withModelFile(path, 'm', ({ source }) => {
      expect(source).toMatchObject({ name: 'm', byteLength: 300 });
      expect([...source.read(250, 4)]).toEqual([250, 0, 1, 2]);
      const target = new Uint8Array(2);
      source.readInto(298, target);
      expect([...target]).toEqual([298 % 251, 299 % 251]);
    });
  });

  it('reads beyond 2 GiB', () => {
    const path = join(folder, 'large.onnx');
    const offset = 2 ** 31 + 2 ** 20;
    const descriptor = openSync(path, 'w');
    writeSync(descriptor, Uint8Array.of(1, 2, 3), 0, 3, offset);
    closeSync(descriptor);
    withModelFile(path, 'm', ({ source }) => {
      expect(source.byteLength).toBe(offset + 3);
      expect([...source.read(offset - 1, 4)]).toEqual([0, 1, 2, 3]);
    });
  });

  it('says where a file ends that was longer when it was opened', () => {
    const path = join(folder, 'model.onnx');
    writeFileSync(path, new Uint8Array(100));
    withModelFile(path, 'm', ({ source }) => {
      truncateSync(path, 40);
      expect(() => source.read(30, 20)).toThrow(expect.objectContaining({ code: 'MODEL_TRUNCATED', model: 'm' }));
    });
  });

  it.each([
    ['a missing file', (): string => join(folder, 'none.onnx'), 'does not exist'],
    ['a folder', (): string => folder, 'is a folder'],
    ['a path below a file', (): string => {
      writeFileSync(join(folder, 'file'), '');
      return join(folder, 'file', 'model.onnx');
    }, 'does not exist'],
  ])('refuses %s', (_, make, what) => {
    expect(() => withModelFile(make(), 'm', nothing)).toThrow(expect.objectContaining({ code: 'MODEL_NOT_FOUND', model: 'm', what: `The model file ${what}.` }));
  });

  it.skipIf(process.platform === 'win32')('refuses a named pipe without waiting for a writer', () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    expect(() => withModelFile(join(folder, 'pipe'), 'm', nothing)).toThrow(/is not a regular file/);
  });

  it.skipIf(process.platform === 'win32' || process.getuid?.() === 0)('refuses a file that may not be read (skipped for root)', () => {
    writeFileSync(join(folder, 'model.onnx'), '');
    chmodSync(join(folder, 'model.onnx'), 0);
    expect(() => withModelFile(join(folder, 'model.onnx'), 'm', nothing)).toThrow(expect.objectContaining({ code: 'MODEL_NOT_FOUND' }));
  });

  it.skipIf(!existsSync('/proc/self/fd'))('closes every descriptor, also after a failure', () => {
    writeFileSync(join(folder, 'model.onnx'), 'x');
    writeFileSync(join(folder, 'data'), 'y');
    const before = readdirSync('/proc/self/fd').length;
    const fail = (): void => withModelFile(join(folder, 'model.onnx'), 'm', ({ files }) => {
      files.open('data');
      files.open('data');
      expect(readdirSync('/proc/self/fd')).toHaveLength(before + 2);
      throw new Error('stop');
    });
    expect(fail).toThrow('stop');
    expect(readdirSync('/proc/self/fd')).toHaveLength(before);
  });
});

describe('external data', () => {
  const open = (location: string, model = join(folder, 'model.onnx')): string =>
    withModelFile(model, 'm', ({ files }) => Buffer.from(files.open(location).read(0, 4)).toString());

  beforeEach(() => {
    mkdirSync(join(folder, 'weights'));
    writeFileSync(join(folder, 'model.onnx'), '');
    writeFileSync(join(folder, 'weights', 'data'), 'data');
  });

  it('is found in the folder of the model and below', () => {
    expect(open('weights/data')).toBe('data');
    expect(open('weights\\data')).toBe('data');
  });

  it.each(['none.data', 'weights'])('is missing when "%s" is no file', (location) => {
    expect(() => open(location)).toThrow(expect.objectContaining({ code: 'EXTERNAL_DATA_MISSING', model: 'm' }));
  });

  it.skipIf(process.platform === 'win32')('may be a symbolic link inside, never one that leads out', () => {
    const outside = mkdtempSync(join(tmpdir(), 'outside-'));
    try {
      writeFileSync(join(outside, 'secret'), 'secret');
      symlinkSync('weights/data', join(folder, 'inside'));
      symlinkSync(join(outside, 'secret'), join(folder, 'file'));
      symlinkSync(outside, join(folder, 'folder'));
      expect(open('inside')).toBe('data');
      for (const location of ['file', 'folder/secret']) {
        expect(() => open(location)).toThrow(expect.objectContaining({ code: 'EXTERNAL_DATA_OUTSIDE', model: 'm' }));
      }
    } finally {
      rmSync(outside, { recursive: true });
    }
  });

  it.skipIf(process.platform === 'win32')('does not reach a folder whose name begins like the model\'s', () => {
    const sibling = `${folder}-sibling`;
    mkdirSync(sibling);
    try {
      writeFileSync(join(sibling, 'secret'), 'secret');
      symlinkSync(join(sibling, 'secret'), join(folder, 'link'));
      expect(() => open('link')).toThrow(expect.objectContaining({ code: 'EXTERNAL_DATA_OUTSIDE' }));
    } finally {
      rmSync(sibling, { recursive: true });
    }
  });

  it.skipIf(process.platform === 'win32')('follows links of model and data into the folder where both really are', () => {
    mkdirSync(join(folder, 'snapshot'));
    symlinkSync('../model.onnx', join(folder, 'snapshot', 'model.onnx'));
    linkSync(join(folder, 'weights', 'data'), join(folder, 'blob'));
    symlinkSync('../blob', join(folder, 'snapshot', 'model.data'));
    expect(open('model.data', join(folder, 'snapshot', 'model.onnx'))).toBe('data');
  });
});
