import { once } from 'node:events';
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { rmSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const EXAMPLE = fileURLToPath(new URL('../../examples/node-service', import.meta.url));
const SAMPLE = fileURLToPath(new URL('../../examples/vite-ocr/src/assets/sample.png', import.meta.url));
/** Inside the example, so that the build finds the example's dependencies. */
const OUT = join(EXAMPLE, 'node_modules/.cache/test');
/** Where the sample has lines of text. */
const LINES = [
  { left: 40, top: 125, width: 220, height: 44 },
  { left: 40, top: 196, width: 315, height: 44 },
  { left: 40, top: 268, width: 435, height: 32 },
];

describe('examples/node-service', () => {
  let service: ChildProcessWithoutNullStreams;
  let origin: string;
  let log = '';

  beforeAll(async () => {
    await build({ root: EXAMPLE, configFile: join(EXAMPLE, 'vite.config.ts'), mode: 'production', logLevel: 'warn', build: { outDir: OUT, emptyOutDir: true } });
    service = spawn(process.execPath, [join(OUT, 'server.js')], { env: { ...process.env, PORT: '0', UNPLUGIN_QUANTIZE_CACHE: OUT } });
    service.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    const [, port] = await logged(/^Listening on port (\d+), on cpu$/m);
    origin = `http://localhost:${port}`;
  });

  afterAll(() => {
    service?.kill('SIGKILL');
    rmSync(OUT, { recursive: true, force: true });
  });

  /** Waits until the service has written something; the test's time limits it. */
  async function logged(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(log);
      if (found !== null) return found;
      if (service.exitCode !== null) throw new Error(`The service has ended: ${log}`);
      await once(service.stderr, 'data');
    }
  }

  async function ask(png: Buffer): Promise<number> {
    const response = await fetch(`${origin}/direction`, { method: 'POST', body: new Uint8Array(png) });
    expect(response.status).toBe(200);
    return ((await response.json()) as { upsideDown: number }).upsideDown;
  }

  it('tells lines of text from lines that stand on their heads, many at once', async () => {
    const upright = await Promise.all(LINES.map((line) => sharp(SAMPLE).extract(line).png().toBuffer()));
    const turned = await Promise.all(upright.map((png) => sharp(png).rotate(180).png().toBuffer()));
    const answers = await Promise.all([...upright, ...turned].map(ask));
    for (const probability of answers.slice(0, LINES.length)) expect(probability).toBeLessThan(0.5);
    for (const probability of answers.slice(LINES.length)) expect(probability).toBeGreaterThan(0.5);
  });

  it('says how it is and what it cannot do', async () => {
    expect(await (await fetch(`${origin}/health`)).json()).toEqual({ backend: 'cpu' });
    expect((await fetch(`${origin}/nothing`)).status).toBe(404);
    expect((await fetch(`${origin}/direction`, { method: 'POST', body: 'no picture' })).status).toBe(400);
  });

  it('answers what is under way when it is told to end, and leaves', async () => {
    const png = await sharp(SAMPLE).extract(LINES[0]!).png().toBuffer();
    const answer = new Promise<string>((resolve, reject) => {
      const post = request(`${origin}/direction`, { method: 'POST', headers: { 'content-length': png.length } }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (text: string) => (body += text)).on('end', () => resolve(body));
      });
      post.on('error', reject);
      // The second half comes when the service is already on its way out.
      post.write(png.subarray(0, 100), () => {
        service.kill('SIGTERM');
        void logged(/SIGTERM: shutting down/).then(() => post.end(png.subarray(100)), reject);
      });
    });
    const left = new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
      service.on('exit', (code, signal) => resolve([code, signal]));
    });
    expect(JSON.parse(await answer)).toEqual({ upsideDown: expect.any(Number) });
    expect(await left).toEqual([0, null]);
    expect(log.trim().split('\n').at(-1)).toBe('Done');
  });
});
