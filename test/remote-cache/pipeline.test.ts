import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RemoteCacheSpec } from '../../packages/unplugin-quantize/src/cache-options.ts';
import { resolveModelOptions, type ModelOptions } from '../../packages/unplugin-quantize/src/options.ts';
import type { PipelineEvent } from '../../packages/unplugin-quantize/src/pipeline/index.ts';
import { distUrl, hasDist } from '../support/dist.ts';
import { hasRedis, hasS3, S3_CREDENTIALS, sha256, startHttpStorage, startRedis, startS3, type HttpStorage } from '../support/storage-servers.ts';
import { tinyModel } from '../support/tiny-model.ts';

type PipelineModule = typeof import('../../packages/unplugin-quantize/src/pipeline/index.ts');

let root: string;
const closing: (() => Promise<void>)[] = [];
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'fleet-')));
  const model = join(root, 'model.onnx');
  writeFileSync(model, tinyModel(1));
  // As old as real ones are.
  utimesSync(model, new Date(), new Date(Date.now() - 3_600_000));
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  rmSync(root, { recursive: true, force: true });
});

interface Built {
  bytes: string;
  report: string;
  cached: boolean;
  steps: string[];
  warnings: string[];
  counts: Extract<PipelineEvent, { kind: 'shared' }>['counts'] | undefined;
}

/** A build on a machine with a cache folder of its own. */
async function build(host: string, remote: string | RemoteCacheSpec | false, given: ModelOptions = { verify: false }): Promise<Built> {
  const { createPipeline } = (await import(distUrl('pipeline/index.js'))) as PipelineModule;
  const events: PipelineEvent[] = [];
  const pipeline = createPipeline({ root, cacheDir: host, remote, onProgress: (event) => events.push(event) });
  try {
    const { file, report, cached } = await pipeline.quantizeFile('model.onnx', resolveModelOptions(given));
    const bytes = sha256(readFileSync(file));
    await pipeline.close();
    const steps = events.flatMap((event) => (event.kind === 'step' ? [event.step] : []));
    const warnings = events.flatMap((event) => (event.kind === 'warning' ? [event.message] : []));
    return { bytes, report: JSON.stringify(report), cached, steps, warnings, counts: events.find((event) => event.kind === 'shared')?.counts };
  } finally {
    await pipeline.close();
  }
}

async function storage(handle?: Parameters<typeof startHttpStorage>[0]): Promise<HttpStorage & { url: string }> {
  const server = await startHttpStorage(handle);
  closing.push(() => server.close());
  return Object.assign(server, { url: `http://127.0.0.1:${server.port}/cache` });
}

const itemsOf = ({ items }: HttpStorage, part: string): string[] => [...items.keys()].filter((path) => path.includes(part));

describe.skipIf(!hasDist)('a cache that machines share (needs the built package)', () => {
  it('lets a second machine quantize and measure nothing, and gives it the same', async () => {
    const shared = join(root, 'shared');
    const first = await build('host-1', shared, { latency: false, compressed: true });
    expect(first).toMatchObject({ cached: false, steps: ['quantize', 'measure'], warnings: [], counts: { found: 0, missed: 6 } });
    const second = await build('host-2', shared, { compressed: true });
    expect(second).toMatchObject({ bytes: first.bytes, report: first.report, cached: true, steps: [], warnings: [], counts: { missed: 0, uploaded: 0 } });
    // Model facts, canary, artefact, measurement; source and artefact compressed.
    expect(first.counts!.uploaded).toBe(6);
    expect(second.counts!.found).toBe(6);
    // Now it has them itself, and does not even load what reaches the server.
    expect(await build('host-2', shared, { compressed: true })).toMatchObject({ cached: true, counts: undefined });
  });

  it.skipIf(!hasRedis)('is taken from the environment, with its credentials (needs redis-server)', async () => {
    const redis = await startRedis('pass-word');
    closing.push(() => redis.close());
    const named = 'UNPLUGIN_QUANTIZE_REMOTE_CACHE';
    process.env[named] = `redis://:pass-word@127.0.0.1:${redis.port}`;
    closing.push(async () => void delete process.env[named]);
    const first = await build('host-1', undefined as never);
    expect(first).toMatchObject({ cached: false, warnings: [], counts: { uploaded: 2 } });
    expect(await build('host-2', undefined as never)).toMatchObject({ bytes: first.bytes, cached: true, warnings: [] });
    expect((await build('host-3', false)).counts).toBeUndefined();
    process.env[named] = `redis://:wrong-word@127.0.0.1:${redis.port}`;
    const { warnings, bytes } = await build('host-4', undefined as never);
    expect({ bytes, warnings }).toEqual({ bytes: first.bytes, warnings: [expect.stringContaining('cannot be used')] });
    expect(warnings[0]).not.toContain('-word');
  });

  it.skipIf(!hasS3)('is a bucket, with credentials from the environment (needs s3rver)', async () => {
    const s3 = await startS3();
    closing.push(() => s3.close());
    for (const [name, value] of Object.entries(S3_CREDENTIALS)) {
      process.env[name] = value;
      closing.push(async () => void delete process.env[name]);
    }
    const remote: RemoteCacheSpec = { driver: 's3', bucket: 'models', region: 'us-east-1', endpoint: `http://127.0.0.1:${s3.port}` };
    const first = await build('host-1', remote);
    expect(first).toMatchObject({ cached: false, warnings: [], counts: { uploaded: 2 } });
    expect(await build('host-2', remote)).toMatchObject({ bytes: first.bytes, report: first.report, cached: true, warnings: [], counts: { found: 2 } });
    process.env['AWS_ACCESS_KEY_ID'] = 'wrong-id';
    const { bytes, warnings } = await build('host-3', remote);
    expect({ bytes, warnings }).toEqual({ bytes: first.bytes, warnings: [expect.stringContaining('403')] });
    expect(warnings[0]).not.toContain('S3RVER');
  });

  it('may be a storage of unstorage with any driver', async () => {
    const { createStorage } = await import('../../packages/unplugin-quantize/node_modules/unstorage/dist/index.mjs' as 'unstorage');
    const remote = { storage: createStorage() };
    const first = await build('host-1', remote);
    expect(await build('host-2', remote)).toMatchObject({ bytes: first.bytes, cached: true, steps: [], counts: { found: 2 } });
  });

  it.each<[string, (items: Map<string, Buffer>, parts: string[], entries: string[]) => void, string]>([
    ['a file with another byte', (items, [part]) => items.set(part!, Buffer.from(items.get(part!)!.map((byte, i) => (i === 100 ? byte ^ 1 : byte)))), 'other bytes'],
    ['a file that was cut off', (items, [part]) => items.set(part!, items.get(part!)!.subarray(0, 50)), 'other bytes'],
    ['a file that is missing', (items, [part]) => items.delete(part!), 'missing'],
    ['an entry that was cut off', (items, _, entries) => entries.forEach((entry) => items.set(entry, items.get(entry)!.subarray(0, 50))), 'cut off'],
    ['an entry that was changed', (items, _, entries) => entries.forEach((entry) => items.set(entry, Buffer.from(items.get(entry)!.toString().replace('int8', 'int4').replace('inputs', 'Inputs')))), 'hash'],
    ['an entry of another key', (items, _, [one, other]) => [one!, other!].forEach((entry, i, both) => items.set(both[1 - i]!, items.get(entry)!) && undefined), 'hash'],
  ])('does not use %s, says so once, and mends it', async (_, damage, why) => {
    const server = await storage();
    const first = await build('host-1', server.url);
    const [parts, entries] = [itemsOf(server, 'parts'), itemsOf(server, 'unplugin-quantize').filter((path) => !path.includes('parts'))];
    expect([parts.length, entries.length]).toEqual([1, 2]);
    const before = new Map([...server.items].map(([path, bytes]) => [path, sha256(bytes)]));
    damage(server.items, parts, entries);
    const second = await build('host-2', server.url);
    expect(second).toMatchObject({ bytes: first.bytes, report: first.report, warnings: [expect.stringContaining(why)] });
    expect(second.cached).toBe(false);
    expect(new Map([...server.items].map(([path, bytes]) => [path, sha256(bytes)]))).toEqual(before);
    expect(await build('host-3', server.url)).toMatchObject({ cached: true, warnings: [] });
  });

  it('is not trusted without the signature that the environment asks for', async () => {
    const server = await storage();
    await build('host-1', server.url);
    process.env['UNPLUGIN_QUANTIZE_CACHE_SIGNATURE_KEY'] = 'a secret of the fleet';
    closing.push(async () => void delete process.env['UNPLUGIN_QUANTIZE_CACHE_SIGNATURE_KEY']);
    expect(await build('host-2', server.url)).toMatchObject({ cached: false, warnings: [expect.stringContaining('not signed')] });
    expect(await build('host-3', server.url)).toMatchObject({ cached: true, warnings: [] });
    process.env['UNPLUGIN_QUANTIZE_CACHE_SIGNATURE_KEY'] = 'another secret';
    expect(await build('host-4', server.url)).toMatchObject({ cached: false, warnings: [expect.stringContaining('signature is wrong')] });
  });

  it('is only read where it is to be', async () => {
    const server = await storage();
    await build('host-1', { driver: 'http', base: server.url, readOnly: true });
    expect(server.requests.map(({ method }) => method)).not.toContain('PUT');
    expect(server.requests.length).toBeGreaterThan(0);
  });

  it('is used by builds at the same time', async () => {
    const server = await storage();
    const builds = await Promise.all(['host-1', 'host-2', 'host-3'].map((host) => build(host, server.url)));
    expect(new Set(builds.map(({ bytes }) => bytes)).size).toBe(1);
    expect(builds.flatMap(({ warnings }) => warnings)).toEqual([]);
    expect(await build('host-4', server.url)).toMatchObject({ cached: true, bytes: builds[0]!.bytes });
    expect(readdirSync(join(root, 'host-4/tmp'))).toEqual([]);
  });
});

describe.skipIf(!hasDist)('a server that fails (needs the built package)', () => {
  let alone: Built;
  let hosts = 0;
  beforeEach(async () => void (alone = await build('alone', false)));

  /** A machine that has nothing, and gets nothing. */
  const failing = (remote: RemoteCacheSpec): Promise<Built> => build(`host-${hosts++}`, remote);
  const asAlone = (warning: string): object => ({ bytes: alone.bytes, report: alone.report, warnings: [expect.stringContaining(warning)] });

  it('is not there', async () => {
    const server = await storage();
    await server.close();
    expect(await failing({ driver: 'http', base: server.url })).toMatchObject(asAlone('cannot be used'));
    expect(await failing({ driver: 'redis', port: server.port })).toMatchObject(asAlone('cannot be used'));
  });

  it('never answers', async () => {
    const server = await storage(() => true);
    expect(await failing({ driver: 'http', base: server.url, timeout: 300 })).toMatchObject(asAlone('no answer within 300 ms'));
    // One request waited; the others were given up with it.
    expect(server.requests).toHaveLength(1);
  });

  it('has no credentials', async () => {
    expect(await failing({ driver: 's3', bucket: 'models', region: 'eu-central-1' })).toMatchObject(asAlone('AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set'));
  });

  it('takes nothing', async () => {
    const server = await storage(({ method }, response) => method === 'PUT' && response.writeHead(403).end() !== undefined);
    expect(await failing({ driver: 'http', base: server.url })).toMatchObject({ ...asAlone('cannot be put into the shared cache'), counts: { uploaded: 0 } });
  });

  it('takes uploads and never says so', async () => {
    const server = await storage(({ method }) => method === 'PUT');
    expect(await failing({ driver: 'http', base: server.url, timeout: 60_000, flushTimeout: 300 })).toMatchObject(asAlone('were not put into the shared cache'));
  });

  it('dies while it sends', async () => {
    let dies = false;
    const server = await storage(({ url = '', method }, response) => {
      if (!dies || method !== 'GET' || !url.includes('parts')) return false;
      response.writeHead(200, { 'content-length': 5000 }).write('the beginning', () => response.destroy());
      return true;
    });
    await build('host-1', server.url);
    dies = true;
    expect(await failing({ driver: 'http', base: server.url })).toMatchObject(asAlone('cannot be used'));
  });

  it('answers everything with a page', async () => {
    const server = await storage(({ method }, response) => method !== 'PUT' && response.writeHead(200, { 'content-type': 'text/html' }).end(method === 'HEAD' ? undefined : '<html>') !== undefined);
    expect(await failing({ driver: 'http', base: server.url })).toMatchObject(asAlone('not used'));
  });
});
