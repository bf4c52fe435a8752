import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Artefact } from '../steps/artefact.ts';
import { createCache, type Cache } from './cache.ts';

const KEY = 'k'.repeat(64);
const CONTENT = 'quantized'.repeat(1000);
const artefact: Artefact = {
  bytes: CONTENT.length,
  sha256: createHash('sha256').update(CONTENT).digest('hex'),
  sourceBytes: 20_000,
  format: 'int8',
  weights: [],
  notes: ['a note'],
  minOnnxruntime: '1.17.0',
  inputs: [],
  outputs: [],
  sessionOptions: {},
  externalLocations: [],
};

let folder: string;
let warnings: string[];
let cache: Cache;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'cache-'));
  warnings = [];
  cache = createCache(folder, (message) => warnings.push(message));
});
afterEach(async () => {
  await cache.close();
  rmSync(folder, { recursive: true, force: true });
});

let produced = 0;
async function produce(path: string): Promise<Artefact> {
  produced++;
  writeFileSync(path, CONTENT);
  return artefact;
}

const place = (): string => join(folder, 'artefacts', KEY);
const drafts = (): string[] => (existsSync(join(folder, 'tmp')) ? readdirSync(join(folder, 'tmp')) : []);

describe('store and find', () => {
  it('finds what was stored, equal to what storing gave', async () => {
    expect(await cache.find(KEY)).toBeUndefined();
    const stored = await cache.store(KEY, produce);
    expect(stored).toEqual({ ...artefact, file: join(place(), 'model.onnx') });
    expect(readFileSync(stored.file, 'utf8')).toBe(CONTENT);
    expect(await cache.find(KEY)).toEqual(stored);
    expect(drafts()).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it('does not hash a stored artefact again', async () => {
    const { file } = await cache.store(KEY, produce);
    const note = join(folder, 'hashes', readdirSync(join(folder, 'hashes'))[0]!);
    expect(JSON.parse(readFileSync(note, 'utf8'))).toMatchObject({ sha256: artefact.sha256, size: String(CONTENT.length) });
    expect(Date.now() - statSync(file).mtimeMs).toBeGreaterThan(2000);
  });

  it('leaves nothing when producing fails', async () => {
    const failing = cache.store(KEY, async (path) => {
      writeFileSync(path, 'half');
      throw new Error('worker died');
    });
    await expect(failing).rejects.toThrow('worker died');
    expect(drafts()).toEqual([]);
    expect(existsSync(place())).toBe(false);
  });

  it('gives the artefact of whoever was faster', async () => {
    const both = await Promise.all([cache.store(KEY, produce), cache.store(KEY, produce)]);
    expect(both[0]).toEqual(both[1]);
    expect(drafts()).toEqual([]);
    expect(readdirSync(join(folder, 'artefacts'))).toEqual([KEY]);
  });
});

describe('a damaged entry', () => {
  const damages: Record<string, () => void> = {
    'without its model': () => rmSync(join(place(), 'model.onnx')),
    'without its description': () => rmSync(join(place(), 'entry.json')),
    'with a model that was cut off': () => truncateSync(join(place(), 'model.onnx'), 100),
    'with a description that was cut off': () => truncateSync(join(place(), 'entry.json'), 20),
    'with a description of something else': () => writeFileSync(join(place(), 'entry.json'), '{}'),
    'with a byte that changed': () => writeFileSync(join(place(), 'model.onnx'), `X${CONTENT.slice(1)}`),
    'with a byte that changed and the old time': () => {
      const { atime, mtime } = statSync(join(place(), 'model.onnx'));
      writeFileSync(join(place(), 'model.onnx'), `X${CONTENT.slice(1)}`);
      utimesSync(join(place(), 'model.onnx'), atime, mtime);
    },
  };

  it.each(Object.keys(damages))('%s is not used, and is made again', async (name) => {
    await cache.store(KEY, produce);
    damages[name]!();
    expect(await cache.find(KEY)).toBeUndefined();
    produced = 0;
    const again = await cache.store(KEY, produce);
    expect(produced).toBe(1);
    expect(readFileSync(again.file, 'utf8')).toBe(CONTENT);
    expect(await cache.find(KEY)).toEqual(again);
    expect(drafts()).toEqual([]);
  });
});

describe('records', () => {
  it('are found again', async () => {
    await cache.write('facts', KEY, { externals: ['a'] });
    expect(await cache.read('facts', KEY)).toEqual({ externals: ['a'] });
    expect(await cache.read('measured', KEY)).toBeUndefined();
  });

  it.each(['', '{"externals":', 'null', '7'])('that are damaged (%j) count as none', async (text) => {
    await cache.write('facts', KEY, {});
    writeFileSync(join(folder, 'facts', `${KEY}.json`), text);
    expect(await cache.read('facts', KEY)).toBeUndefined();
  });
});

describe('a folder that cannot be written', () => {
  async function work(unwritable: string): Promise<unknown> {
    const cache = createCache(unwritable, (message) => warnings.push(message));
    const { file } = await cache.store(KEY, produce);
    await cache.write('facts', KEY, { externals: [] });
    const found = { artefact: (await cache.find(KEY))?.file === file, facts: await cache.read('facts', KEY) };
    await cache.close();
    return { ...found, left: existsSync(file), warnings: warnings.map((message) => message.includes(unwritable)) };
  }
  const expected = { artefact: true, facts: { externals: [] }, left: false, warnings: [true] };

  it('is replaced by a temporary one, with one warning', async () => {
    writeFileSync(join(folder, 'file'), '');
    expect(await work(join(folder, 'file', 'cache'))).toEqual(expected);
  });

  it.skipIf(process.platform === 'win32' || process.getuid?.() === 0)('is replaced where permission is missing (skipped for root)', async () => {
    mkdirSync(join(folder, 'locked'));
    chmodSync(join(folder, 'locked'), 0o555);
    expect(await work(join(folder, 'locked'))).toEqual(expected);
  });

  it('may be no folder at all', async () => {
    const cache = createCache(false, (message) => warnings.push(message));
    const { file } = await cache.store(KEY, produce);
    expect(file.startsWith(tmpdir())).toBe(true);
    expect(warnings).toEqual([]);
    await cache.close();
    expect(existsSync(file)).toBe(false);
  });
});

describe('drafts', () => {
  it('of a process that was killed are removed after a day, those of today stay', async () => {
    const [old, fresh] = [join(folder, 'tmp', 'old'), join(folder, 'tmp', 'fresh')];
    for (const draft of [old, fresh]) mkdirSync(draft, { recursive: true });
    const before = new Date(Date.now() - 25 * 3_600_000);
    utimesSync(old, before, before);
    await cache.write('facts', KEY, {});
    expect(drafts()).toEqual(['fresh']);
  });
});
