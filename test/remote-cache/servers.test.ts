import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStorage, type OpenStorage } from '../../packages/unplugin-quantize/src/pipeline/remote/open-storage.ts';
import { remotePlace } from '../../packages/unplugin-quantize/src/pipeline/remote/place.ts';
import { createTransfer } from '../../packages/unplugin-quantize/src/pipeline/remote/transfer.ts';
import { hasRedis, hasS3, S3_CREDENTIALS, sha256, startHttpStorage, startRedis, startS3, type StorageServer } from '../support/storage-servers.ts';

interface Server {
  isThere: boolean;
  open(): Promise<{ url: string; env?: NodeJS.ProcessEnv; close(): Promise<void> }>;
}

const at = (server: StorageServer, url: string, env?: NodeJS.ProcessEnv) => ({ url: url.replace('PORT', String(server.port)), ...(env && { env }), close: () => server.close() });

const SERVERS: Record<string, Server> = {
  'a folder': {
    isThere: true,
    async open() {
      const folder = mkdtempSync(join(tmpdir(), 'shared-'));
      return { url: folder, close: async () => rmSync(folder, { recursive: true }) };
    },
  },
  'HTTP': { isThere: true, open: async () => at(await startHttpStorage(), 'http://127.0.0.1:PORT/cache') },
  'Redis (needs redis-server)': { isThere: hasRedis, open: async () => at(await startRedis('s3cret'), 'redis://127.0.0.1:PORT', { UNPLUGIN_QUANTIZE_REDIS_PASSWORD: 's3cret' }) },
  'S3 (needs s3rver)': { isThere: hasS3, open: async () => at(await startS3(), 's3://models/ci/cache?region=eu-central-1&endpoint=http://127.0.0.1:PORT', S3_CREDENTIALS) },
};

/** Every byte value, so that nothing on the way can take them for text. */
const BYTES = Buffer.from(Array.from({ length: 1000 }, (_, i) => (i * 7) % 256));

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'transfer-'))));
afterEach(() => rmSync(folder, { recursive: true }));

for (const [name, server] of Object.entries(SERVERS)) {
  describe.skipIf(!server.isThere)(`a cache shared through ${name}`, () => {
    let running: Awaited<ReturnType<Server['open']>>;
    let storage: OpenStorage;
    async function connect(): Promise<OpenStorage> {
      running ??= await server.open();
      return (storage ??= await openStorage(remotePlace(running.url, '/', running.env ?? {})!));
    }
    afterAll(async () => {
      await storage.close();
      await running.close();
    });

    it('gives bytes as they were, and null where there are none', async () => {
      const opened = await connect();
      expect(await opened.get('a:b:missing')).toBeNull();
      expect(await opened.has('a:b:c')).toBe(false);
      await opened.set('a:b:c', BYTES);
      expect(await opened.has('a:b:c')).toBe(true);
      expect(Buffer.compare((await opened.get('a:b:c'))!, BYTES)).toBe(0);
    });

    it('carries entries with files in parts', async () => {
      const opened = await connect();
      const transfer = createTransfer(opened, { timeout: 5000, partBytes: 300 });
      writeFileSync(join(folder, 'file'), BYTES);
      const entry = { bytes: 1000, sha256: sha256(BYTES), text: '"ä\n' };
      const sent = await transfer.upload({ key: 'x:entry', entry, file: join(folder, 'file'), replaces: false });
      expect(sent).toBeGreaterThan(1000);
      const found = await transfer.find('x:entry');
      if (found.kind !== 'found') throw new Error(found.kind);
      expect(found.description.entry).toEqual(entry);
      expect(found.description.parts!.map(({ bytes }) => bytes)).toEqual([300, 300, 300, 100]);
      expect(await transfer.download(found.description.parts!, join(folder, 'copy'))).toEqual({ kind: 'whole', file: { bytes: 1000, sha256: sha256(BYTES) } });
      expect(readFileSync(join(folder, 'copy'))).toEqual(BYTES);
      // What is there is not sent again.
      expect(await transfer.upload({ key: 'x:entry', entry, file: join(folder, 'file'), replaces: false })).toBe(sent - 1000);
      expect(await transfer.find('x:nothing')).toEqual({ kind: 'absent' });
    });

    it('notices a part that was changed or cut off, and replaces it', async () => {
      const opened = await connect();
      const transfer = createTransfer(opened, { timeout: 5000, partBytes: 400 });
      writeFileSync(join(folder, 'file'), BYTES);
      const upload = { key: 'y:entry', entry: {}, file: join(folder, 'file'), replaces: false };
      await transfer.upload(upload);
      const found = await transfer.find('y:entry');
      if (found.kind !== 'found') throw new Error(found.kind);
      const parts = found.description.parts!;
      for (const [i, damage] of [BYTES.subarray(400, 500), Buffer.alloc(400)].entries()) {
        await opened.set(`unplugin-quantize:parts:${parts[1]!.sha256}`, damage);
        expect(await transfer.download(parts, join(folder, `damaged${i}`))).toMatchObject({ kind: 'damaged', why: expect.stringContaining('other bytes') });
      }
      await transfer.upload({ ...upload, replaces: true });
      expect(await transfer.download(parts, join(folder, 'mended'))).toMatchObject({ kind: 'whole' });
    });
  });
}

describe('an empty file', () => {
  it('has no parts', async () => {
    const storage = await openStorage(remotePlace(join(folder, 'shared'), '/', {})!);
    const transfer = createTransfer(storage, { timeout: 5000 });
    writeFileSync(join(folder, 'file'), '');
    await transfer.upload({ key: 'z', entry: {}, file: join(folder, 'file'), replaces: false });
    expect(await transfer.find('z')).toEqual({ kind: 'found', description: { entry: {}, parts: [] } });
    expect(await transfer.download([], join(folder, 'copy'))).toMatchObject({ kind: 'whole', file: { bytes: 0 } });
  });
});
