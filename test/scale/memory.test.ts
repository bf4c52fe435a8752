import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { estimatePeak, type Job } from '../../packages/unplugin-quantize/src/pipeline/workers/memory.ts';
import { distFolder, distUrl, hasDist } from '../support/dist.ts';
import { models } from '../support/models.ts';

let root: string;
beforeEach(() => void (root = mkdtempSync(join(tmpdir(), 'memory-'))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Processes that a process started, with the largest memory that each had so far, in bytes. */
function childrenOf(parent: number): Map<number, number> {
  const found = new Map<number, number>();
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      const status = readFileSync(`/proc/${name}/status`, 'utf8');
      const peak = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
      if (Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]) === parent && peak !== undefined) found.set(Number(name), Number(peak) * 1024);
    } catch {
      // It ended meanwhile.
    }
  }
  return found;
}

/** Runs Node and looks at its children: how many there were at once, and the largest memory of one; and its own memory. */
async function watch(args: readonly string[]): Promise<{ code: number | null; together: number; largest: number; own: number; output: string }> {
  const memoryFile = join(root, 'memory');
  const child = spawn(process.execPath, ['--require', join(import.meta.dirname, 'record-memory.cjs'), ...args], { env: { ...process.env, MEMORY_FILE: memoryFile }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  let [together, largest] = [0, 0];
  while (child.exitCode === null && child.signalCode === null) {
    const children = childrenOf(child.pid!);
    together = Math.max(together, children.size);
    largest = Math.max(largest, ...children.values());
    await sleep(10);
  }
  const code = await ended;
  return { code, together, largest, own: Number(readFileSync(memoryFile, 'utf8')) * 2 ** 20, output };
}

describe.skipIf(!hasDist || process.platform !== 'linux')('memory (needs the built package and Linux)', { timeout: 300_000 }, () => {
  it.each<[string, string, string, Job]>([
    ['node', 'ocrDetection', 'int8', 'run'], ['node', 'ocrDetection', 'int4-storage', 'run'], ['wasm', 'ocrDirection', 'fp16-storage', 'runWeb'],
  ])('of the process that checks a model for %s (%s as %s) is below its estimate, and that of quantizing too', async (target, name, format, job) => {
    const path = models[name as keyof typeof models];
    const { code, largest, own, output } = await watch([join(distFolder, 'cli/main.js'), 'quantize', path, '-o', join(root, 'out.onnx'), '--format', format, '--targets', target]);
    expect({ code, output }).toMatchObject({ code: 0 });
    const { size } = statSync(path);
    expect(largest).toBeGreaterThan(50e6);
    expect(largest).toBeLessThan(estimatePeak(job, size));
    // The command line quantizes in its own process, which Node takes some 60 MB of.
    expect(own).toBeLessThan(60e6 + estimatePeak('quantize', size));
  });

  it.each([['300MB', 1], [undefined, 2]])('with the limit %s lets %d processes work at once', async (limit, expected) => {
    const script = `
      import { createPipeline } from ${JSON.stringify(distUrl('pipeline/index.js'))};
      import { resolveModelOptions } from ${JSON.stringify(distUrl('options.js'))};
      const pipeline = createPipeline({ root: ${JSON.stringify(root)}, cacheDir: 'cache', workers: 4, memoryLimit: ${limit === undefined ? 'undefined' : parseInt(limit, 10) * 1e6} });
      await Promise.all([1, 2, 3, 4].map((i) => pipeline.quantizeFile(i + '.onnx', resolveModelOptions({ targets: ['node'], minElements: i }))));
      await pipeline.close();`;
    for (const i of [1, 2, 3, 4]) copyFileSync(models.ocrDirection, join(root, `${i}.onnx`));
    const { code, together, output } = await watch(['--input-type=module', '--eval', script]);
    expect({ code, output }).toEqual({ code: 0, output: '' });
    expect(expected === 1 ? together : Math.min(together, 2)).toBe(expected);
  });
});
