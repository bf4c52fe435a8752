import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasDist, runNode, type ProgramResult } from '../support/dist.ts';
import { hasRedis, sha256, startHttpStorage, startRedis, type HttpStorage, type StorageServer } from '../support/storage-servers.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/monorepo', import.meta.url));
const TURBO = join(EXAMPLE, 'node_modules/turbo/bin/turbo');
const NAMES = readdirSync(join(EXAMPLE, 'packages')).sort();

describe.skipIf(!hasDist || !hasRedis || !existsSync(TURBO))('examples/monorepo (needs the built package and redis-server)', () => {
  let root: string;
  let redis: StorageServer;
  let artefacts: HttpStorage;
  beforeAll(async () => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'monorepo-')));
    redis = await startRedis();
    // Turborepo's own remote cache: artefacts of tasks by their hash, and events, which nobody reads.
    artefacts = await startHttpStorage(({ method }, response) => method === 'POST' && response.writeHead(200, { 'content-type': 'application/json' }).end('{}') !== undefined);
  });
  afterAll(async () => {
    await redis.close();
    await artefacts.close();
    rmSync(root, { recursive: true, force: true });
  });

  /** A machine: a checkout with nothing in its caches. */
  function makeHost(name: string): string {
    const host = join(root, name);
    cpSync(EXAMPLE, host, { recursive: true, filter: (path) => !/[\\/](node_modules|\.turbo|model\.int8\.onnx|quantize-report\.json)$/.test(path) });
    symlinkSync(join(EXAMPLE, 'node_modules'), join(host, 'node_modules'));
    return host;
  }

  /** As `npm run` starts it. */
  function run(host: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<ProgramResult> {
    const path = `${join(host, 'node_modules/.bin')}:${process.env['PATH']}`;
    const { CI: _ci, ...outer } = process.env;
    return runNode(args, { cwd: host, env: { ...outer, PATH: path, TURBO_TELEMETRY_DISABLED: '1', UNPLUGIN_QUANTIZE_REMOTE_CACHE: `redis://127.0.0.1:${redis.port}`, ...env } });
  }
  const turboCache = (): NodeJS.ProcessEnv => ({ TURBO_API: `http://127.0.0.1:${artefacts.port}`, TURBO_TOKEN: 'token', TURBO_TEAMID: 'team_fleet' });
  const build = (host: string, env?: NodeJS.ProcessEnv): Promise<ProgramResult> => run(host, [TURBO, 'run', 'build'], env);
  const outputs = (host: string): string[] => NAMES.flatMap((name) => ['model.int8.onnx', 'quantize-report.json'].map((file) => sha256(readFileSync(join(host, 'packages', name, file)))));
  const counts = ({ stdout }: ProgramResult): string[] => [...stdout.matchAll(/shared cache .*: (\d+ results found, \d+ not, \d+ put there)/g)].map(([, found]) => found!);

  let first: string[];

  it('quantizes each model once: a second host takes all from the first, with the same bytes', async () => {
    const [one, two] = [makeHost('host-1'), makeHost('host-2')];
    const cold = await build(one, turboCache());
    expect(cold).toMatchObject({ code: 0, stdout: expect.stringContaining('20 successful, 20 total') });
    expect(counts(cold)).toEqual(NAMES.map(() => '0 results found, 4 not, 4 put there'));
    first = outputs(one);
    expect(new Set(first).size).toBe(40);

    const warm = await build(two);
    expect(warm).toMatchObject({ code: 0, stdout: expect.stringContaining('0 cached, 20 total') });
    expect(counts(warm)).toEqual(NAMES.map(() => '4 results found, 0 not, 0 put there'));
    expect(outputs(two)).toEqual(first);
  }, 600_000);

  it('runs nothing at all where Turborepo has a remote cache too', async () => {
    const three = makeHost('host-3');
    const full = await build(three, turboCache());
    expect(full).toMatchObject({ code: 0, stdout: expect.stringContaining('20 cached, 20 total') });
    expect(outputs(three)).toEqual(first);
  }, 600_000);

  it('gives each package to one of several machines', async () => {
    const host = makeHost('host-4');
    const parts = await Promise.all(['1/3', '2/3', '3/3'].map(async (part) => {
      const { stdout } = await run(host, ['scripts/shard.mjs', part, '--dry=json']);
      return (JSON.parse(stdout) as { tasks: { package: string }[] }).tasks.map((task) => task.package.replace('@models/', ''));
    }));
    expect(parts.map((part) => part.length)).toEqual([7, 7, 6]);
    expect(parts.flat().sort()).toEqual(NAMES);
    expect(await run(host, ['scripts/shard.mjs', '4/3'])).toMatchObject({ code: 2, stderr: expect.stringContaining('Which part') });
  }, 120_000);
});
