import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const EXAMPLE = fileURLToPath(new URL('../../examples/node-service', import.meta.url));
const SAMPLE = fileURLToPath(new URL('../../examples/vite-ocr/src/assets/sample.png', import.meta.url));
const LOAD = fileURLToPath(new URL('../../bench/lib/load-clients.mjs', import.meta.url));
/** Inside the example, so that the build finds the example's dependencies. */
const OUT = join(EXAMPLE, 'node_modules/.cache/load-test');
const LINE = { left: 40, top: 125, width: 220, height: 44 };
const CLIENTS = 200;

/** Bytes that an answer would leave behind if its input stayed. */
const INPUT_BYTES = 3 * 48 * 192 * 4;
/** What an engine and a garbage collector take and give back. */
const BREATH = 64e6;

interface Found {
  answers: number;
  refused: number;
  errors: string[];
  memory: { seconds: number; rss: number | null }[];
}

describe('examples/node-service under load', () => {
  const picture = join(OUT, 'line.png');
  beforeAll(async () => {
    await build({ root: EXAMPLE, configFile: join(EXAMPLE, 'vite.config.ts'), mode: 'production', logLevel: 'warn', build: { outDir: OUT, emptyOutDir: true } });
    await sharp(SAMPLE).extract(LINE).png().toFile(picture);
  });
  afterAll(() => rmSync(OUT, { recursive: true, force: true }));

  /** What many clients find within some seconds, and how the service ends. */
  async function putUnderLoad(seconds: number, env: Record<string, string> = {}): Promise<Found & { end: unknown[]; log: string }> {
    const service = spawn(process.execPath, [join(OUT, 'server.js')], { env: { ...process.env, PORT: '0', UNPLUGIN_QUANTIZE_CACHE: OUT, ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
    try {
      const lines: string[] = [];
      service.stderr.setEncoding('utf8').on('data', (text: string) => lines.push(text));
      const port = await listening(service, lines);
      const { stdout } = await promisify(execFile)(process.execPath, [LOAD, `http://127.0.0.1:${port}`, '/direction', String(service.pid), String(CLIENTS), String(seconds), picture], { maxBuffer: 1 << 26 });
      const left = once(service, 'exit');
      service.kill('SIGTERM');
      return { ...(JSON.parse(stdout) as Found), end: await left, log: lines.join('') };
    } finally {
      service.kill('SIGKILL');
    }
  }

  async function listening(service: ChildProcess, lines: string[]): Promise<string> {
    for (;;) {
      const port = /^Listening on port (\d+)/m.exec(lines.join(''))?.[1];
      if (port !== undefined) return port;
      if (service.exitCode !== null) throw new Error(`The service has ended: ${lines.join('')}`);
      await once(service.stderr!, 'data');
    }
  }

  it('answers many clients without an error, in memory that does not grow, and ends when it is told to', async () => {
    const { answers, refused, errors, memory, end, log } = await putUnderLoad(10);
    expect(errors).toEqual([]);
    expect(refused).toBe(0);
    expect(answers).toBeGreaterThan(CLIENTS);
    // Systems that do not tell give null, and null from null is 0.
    const [middle, last] = [memory[memory.length >> 1]!.rss ?? 0, memory.at(-1)!.rss ?? 0];
    expect(last - middle).toBeLessThan(Math.max(BREATH, (answers / 2) * (INPUT_BYTES / 2)));
    expect(end).toEqual([0, null]);
    expect(log.split('\n').slice(1)).toEqual(['SIGTERM: shutting down', 'Done', '']);
  });

  it('sends clients away for a while when too many wait', async () => {
    const { answers, refused, errors, end } = await putUnderLoad(3, { MAX_QUEUE: '10' });
    expect(errors).toEqual([]);
    expect(refused).toBeGreaterThan(0);
    expect(answers).toBeGreaterThan(0);
    expect(end).toEqual([0, null]);
  });
});
