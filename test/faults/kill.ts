import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../fuzz/random.ts';
import { distUrl } from '../support/dist.ts';
import { models } from '../support/models.ts';

/** What a build leaves for people and bundlers: contents by name. */
export type Outputs = Record<string, string>;

export interface KillResult {
  /** Kills that came before the build's end. */
  killed: number;
  /** What was not as it should be. */
  failures: string[];
}

/** A build of two models that writes its artefacts, reports and a baseline, as a program that a signal can end at any moment. */
const program = (root: string): string => `
  import { copyFileSync } from 'node:fs';
  import { openBaseline, createPipeline, writeReports } from ${JSON.stringify(distUrl('pipeline/index.js'))};
  import { resolveModelOptions } from ${JSON.stringify(distUrl('options.js'))};
  const root = ${JSON.stringify(root)};
  const pipeline = createPipeline({ root, cacheDir: 'cache', workers: 2, maxCacheBytes: 1e9 });
  const ask = (file, options) => pipeline.quantizeFile(file, resolveModelOptions({ verify: process.env.VERIFY === '1', targets: ['node'], ...options }));
  const results = await Promise.all([ask('a.onnx', {}), ask('b.onnx', { format: 'int4-storage' }), ask('b.onnx', { format: 'fp16' })]);
  results.forEach(({ file }, i) => copyFileSync(file, root + '/artefact' + i + '.onnx'));
  const reports = results.map(({ report }) => report);
  await writeReports([{ kind: 'json', path: 'quantize-report.json' }, { kind: 'html', path: 'quantize-report.html' }, { kind: 'md', path: 'quantize-report.md' }], root, await Promise.all(reports.map((report) => pipeline.describe(report))));
  await openBaseline({ update: true }, root).update(reports);
  await pipeline.close();`;

const OUTPUTS = ['artefact0.onnx', 'artefact1.onnx', 'artefact2.onnx', 'quantize-report.json', 'quantize-report.html', 'quantize-report.md', 'quantize.lock.json'];

/**
 * Kills builds at random moments, each time the whole group of processes, and lets the next build go on with the cache that is left: it has to
 * give the same bytes as a build that nobody disturbed, and leave no temporary file beside its outputs.
 *
 * @param times builds that are killed
 * @param each how many follow one another on one cache before it is emptied
 */
export async function killBuilds({ times, seed, each = 3, verify = false }: { times: number; seed: number; each?: number; verify?: boolean }): Promise<KillResult> {
  const root = mkdtempSync(join(tmpdir(), 'killed-'));
  const random = createRandom(seed, 0);
  const env = { ...process.env, VERIFY: verify ? '1' : '0' };
  const failures: string[] = [];
  let killed = 0;
  try {
    copyFileSync(models.ocrDirection, join(root, 'a.onnx'));
    copyFileSync(models.silero, join(root, 'b.onnx'));
    const started = performance.now();
    const first = await run(root, env);
    let whole = performance.now() - started;
    if (first.code !== 0) throw new Error(`The undisturbed build failed: ${first.output}`);
    const expected = outputsOf(root);
    for (let i = 0; i < times; i++) {
      if (i % each === 0) clean(root);
      // Loading modules is the first part of it, in which nothing is written.
      const moment = whole * (0.1 + 0.8 * random.next());
      const { signal } = await run(root, env, moment);
      if (signal === 'SIGKILL') killed++;
      // Builds on a cache that has something are shorter, and so are those on a machine that has nothing else to do.
      else whole = Math.min(whole, moment);
      if (i % each === each - 1) whole = Math.max(whole, 500);
      const torn = OUTPUTS.filter((name) => name.startsWith('quantize') && existsSync(join(root, name)) && readFileSync(join(root, name), 'base64') !== expected[name]);
      if (torn.length > 0) failures.push(`kill ${i} after ${Math.round(moment)} ms left ${torn.join(', ')} torn`);
      if (i % each !== each - 1) continue;
      const next = await run(root, env);
      const found = next.code === 0 ? outputsOf(root) : {};
      const wrong = OUTPUTS.filter((name) => found[name] !== expected[name]);
      if (next.code !== 0 || wrong.length > 0) failures.push(`after kill ${i} the next build ended with ${next.code ?? next.signal}, wrong: ${wrong.join(', ')} ${next.output}`);
      const left = readdirSync(join(root, 'cache/locks'));
      if (left.length > 0) failures.push(`after kill ${i} the next build left ${left.length} locks`);
    }
    return { killed, failures };
  } finally {
    rmSync(root, { recursive: true, force: true, maxRetries: 3 });
  }
}

function outputsOf(root: string): Outputs {
  return Object.fromEntries(OUTPUTS.map((name) => [name, existsSync(join(root, name)) ? readFileSync(join(root, name), 'base64') : '']));
}

function clean(root: string): void {
  for (const name of [...OUTPUTS, 'cache']) rmSync(join(root, name), { recursive: true, force: true, maxRetries: 3 });
  mkdirSync(join(root, 'cache'));
}

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string;
}

/** @param killAfter milliseconds after which the program and all that it started are killed */
async function run(root: string, env: NodeJS.ProcessEnv, killAfter?: number): Promise<Ended> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program(root)], { cwd: root, env, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise<Ended>((resolve) => child.on('close', (code, signal) => resolve({ code, signal, output })));
  if (killAfter === undefined) return ended;
  const stop = new AbortController();
  await Promise.race([ended, sleep(killAfter, undefined, { signal: stop.signal }).catch(() => undefined)]);
  stop.abort();
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // It had ended.
  }
  return ended;
}
