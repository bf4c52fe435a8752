import { copyFileSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BenchResult } from '../../packages/unplugin-quantize/src/cli/format-bench.ts';
import { distFolder, hasDist, runNode, type ProgramResult } from '../support/dist.ts';
import { models } from '../support/models.ts';

let folder: string;
const bench = (...args: string[]): Promise<ProgramResult> => runNode([join(distFolder, 'cli/main.js'), 'bench', ...args, '--seconds', '0.1'], { cwd: folder });

beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'bench-')));
  copyFileSync(models.silero, join(folder, 'a.onnx'));
  copyFileSync(models.silero, join(folder, 'b.onnx'));
  writeFileSync(join(folder, 'no.onnx'), 'text');
  writeFileSync(join(folder, 'samples.mjs'), `export default [{
    input: { data: new Float32Array(4 * 512), dims: [4, 512] },
    state: { data: new Float32Array(2 * 4 * 128), dims: [2, 4, 128] },
    sr: { data: BigInt64Array.of(16000n), dims: [] },
  }]`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(!hasDist)('unplugin-quantize bench (needs the built package)', () => {
  it('times models in turn and prints a table', async () => {
    const { code, stdout, stderr } = await bench('a.onnx', 'b.onnx', '--threads', '1');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [head, first, second, how] = stdout.split('\n') as [string, string, string, string];
    expect(head).toContain('time to the first');
    expect(first).toMatch(/^a\.onnx +2\.\d\d MB .* ms .* mJ$/);
    expect(second).toMatch(/^b\.onnx .*\d\.\d\d \(\d+\.\d\d to \d+\.\d\d\)/);
    expect(how).toBe('onnxruntime-node 1.30.0, 1 thread, 6 rounds in turn, generated input');
  });

  it('prints JSON, with a batch counted as its samples', async () => {
    const { code, stdout } = await bench('a.onnx', '--samples', 'samples.mjs', '--json');
    expect(code).toBe(0);
    const result = JSON.parse(stdout) as BenchResult;
    expect(result).toMatchObject({ engine: 'onnxruntime-node', threads: null, synthetic: false, models: [{ name: 'a.onnx', ratio: null }] });
    const [{ median, p95, throughput, load, modelMemory, peakMemory, runs, bytes, energy }] = result.models as [BenchResult['models'][0]];
    expect(bytes).toBe(2_327_524);
    for (const figure of [median, load, modelMemory, runs]) expect(figure).toBeGreaterThan(0);
    expect(p95).toBeGreaterThanOrEqual(median);
    expect(peakMemory).toBeGreaterThan(modelMemory);
    // The mean is at least half of the median, and four samples are in each run.
    expect(throughput).toBeLessThanOrEqual((4 * 1000) / (median / 2));
    expect(energy!.multiplyAdds['float32']).toBeGreaterThan(4 * 512);
  });

  it('runs in WebAssembly', async () => {
    const { code, stdout } = await bench('a.onnx', '--backend', 'wasm', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ engine: 'onnxruntime-web', threads: 1, models: [{ energy: null }] });
  });

  it.each<[string[], string]>([
    [[], 'Missing required args'],
    [['gone.onnx'], 'MODEL_NOT_FOUND'],
    [['a.onnx', 'no.onnx'], 'MODEL_NOT_ONNX'],
    [['a.onnx', '--backend', 'gpu'], 'OPTION_UNKNOWN'],
    [['a.onnx', '--threads', '1.5'], 'OPTION_INVALID'],
    [['a.onnx', '--samples', 'gone.mjs'], 'SAMPLES_NOT_FOUND'],
    [['a.onnx', '--turbo'], 'OPTION_UNKNOWN'],
  ])('ends with 2 for %j', async (args, says) => {
    const { code, stderr } = await bench(...args);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(says) as string });
  });
});
