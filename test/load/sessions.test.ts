import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeNode } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { buildBytes, ramp } from '../support/build-model.ts';
import { hasDist } from '../support/dist.ts';

const CYCLES = join(import.meta.dirname, '../../bench/lib/session-cycles.mjs');

interface Found {
  memory: { cycle: number; rss: number; heapUsed: number; external: number }[];
}

describe.skipIf(!hasDist)('sessions that are made, run and disposed of', () => {
  const folder = mkdtempSync(join(tmpdir(), 'load-sessions-'));
  const file = join(folder, 'm.onnx');
  const bytes = buildBytes({ nodes: [makeNode('MatMul', ['x', 'w'], ['y'])], initializers: { w: ramp([200, 256]) }, inputs: { x: 'float32[N,200]' }, outputs: { y: 'float32[N,256]' } });
  beforeAll(() => writeFileSync(file, bytes));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['node', 1000],
    ['wasm', 300],
  ])('leave nothing behind (%s, %d times)', async (backend, count) => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', CYCLES, backend, file, '{"x":[1,200]}', String(count)]);
    const { memory } = JSON.parse(stdout) as Found;
    // Engines and allocators have what they need after the first fifth. A session that left its model or its copy of the weights would show four times as much.
    const [early, last] = [memory[1]!, memory.at(-1)!];
    expect(last.cycle).toBe(count);
    const sessions = last.cycle - early.cycle;
    expect(last.rss - early.rss).toBeLessThan(sessions * (bytes.length / 4));
    expect(last.heapUsed - early.heapUsed).toBeLessThan(sessions * 2000);
  });
});
