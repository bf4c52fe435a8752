import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quantizeModel } from 'unplugin-quantize/core';
import { bytesSource, readModel } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { LIMITS, type Limits } from '../../packages/unplugin-quantize/src/limits.ts';
import { parseNpz } from '../../packages/unplugin-quantize/src/calibrate/npz.ts';
import { syntheticCandidates } from '../../packages/unplugin-quantize/src/calibrate/synthetic.ts';
import { assertSound } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { inlineFunctions } from '../../packages/unplugin-quantize/src/graph/passes/inline-functions.ts';
import { distUrl, hasDist, runNode } from '../support/dist.ts';
import { field, message, modelBytes, text } from '../support/wire-format.ts';
import { HOSTILE } from './hostile-models.ts';
import { zipBomb } from './zip-bomb.ts';

/** Heap of the process that reads hostile models, in megabytes, and the most memory that it may take with buffers and code. */
const HEAP = 768;
const MOST_MEMORY = 1_500;

const FORMATS = ['int8', 'int4-storage'];

describe.skipIf(!hasDist)('a hostile model (needs the built package)', () => {
  let folder: string;
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'hostile-'))));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is refused, or quantized, in bounded memory: one process takes them all', { timeout: 300_000 }, async () => {
    const names = Object.keys(HOSTILE);
    for (const [i, name] of names.entries()) writeFileSync(join(folder, `${i}.onnx`), HOSTILE[name]!.bytes());
    const script = join(folder, 'read.mjs');
    writeFileSync(script, `
      import { quantizeModel } from ${JSON.stringify(distUrl('core.js'))};
      const codes = [];
      for (let i = 0; i < ${names.length}; i++) {
        for (const format of ${JSON.stringify(FORMATS)}) {
          const code = await quantizeModel(${JSON.stringify(folder)} + '/' + i + '.onnx', { format }).then(() => null, (error) => error.code ?? String(error.stack));
          codes.push(code);
        }
      }
      console.log(JSON.stringify({ codes, memory: process.resourceUsage().maxRSS / 1024 }));
    `);
    const { stdout, stderr } = await runNode([`--max-old-space-size=${HEAP}`, script]);
    expect(stderr).toBe('');
    const { codes, memory } = JSON.parse(stdout) as { codes: (string | null)[]; memory: number };
    const found = names.map((name, i) => [name, codes.slice(FORMATS.length * i, FORMATS.length * (i + 1))]);
    expect(found).toEqual(names.map((name) => [name, FORMATS.map(() => HOSTILE[name]!.code)]));
    expect(memory).toBeLessThan(MOST_MEMORY);
  });
});

const node = (output: string): Uint8Array => field(1, 2, message(text(1, 'x'), text(2, output), text(4, 'Relu')));
const small = modelBytes(node('y'), field(11, 2, message(text(1, 'x'))), field(12, 2, message(text(1, 'y'))));

describe('a limit', () => {
  const read = (limits: Partial<Limits>, bytes = small): void => {
    const all = Object.fromEntries(Object.entries(LIMITS).map(([name, row]) => [name, row.default])) as unknown as Limits;
    const model = readModel(bytesSource(bytes, 'm.onnx'), undefined, { ...all, ...limits });
    assertSound(model);
    inlineFunctions(model);
  };

  it.each<[keyof Limits, number]>([['structureBytes', small.length], ['nodes', 1], ['nameLength', 4], ['parts', small.length]])('%s of what the model has lets it pass, and a lower one refuses it', (limit, found) => {
    expect(() => read({ [limit]: found })).not.toThrow();
    const refused = { [limit]: limit === 'parts' || limit === 'structureBytes' ? 3 : found - 1 };
    expect(() => read(refused)).toThrow(expect.objectContaining({ code: 'MODEL_TOO_LARGE', model: 'm.onnx', hint: expect.stringContaining(limit) }));
  });

  it('is an option of the core', async () => {
    await expect(quantizeModel(small, { limits: { nodes: 1 } })).resolves.toBeDefined();
    await expect(quantizeModel(modelBytes(node('a'), node('y')), { limits: { nodes: 1 } })).rejects.toMatchObject({ code: 'MODEL_TOO_LARGE' });
    await expect(quantizeModel(small, { limits: { node: 1 } as Partial<Limits> })).rejects.toMatchObject({ code: 'OPTION_UNKNOWN', hint: expect.stringContaining('nodes') });
    await expect(quantizeModel(small, { limits: { nodes: 0 } })).rejects.toMatchObject({ code: 'OPTION_INVALID' });
  });
});

describe('samples', () => {
  it('of an archive that unpacks to terabytes are refused before they are unpacked', () => {
    expect(() => parseNpz(zipBomb(2 ** 31), 'bomb.npz', 2 ** 20)).toThrow(expect.objectContaining({ code: 'SAMPLES_INVALID', option: 'bomb.npz', hint: expect.stringContaining('sampleBytes') }));
  });

  it('of an archive that unpacks to more than it says are refused, and no more is kept', () => {
    expect(() => parseNpz(zipBomb(64, 2 ** 26), 'liar.npz', 2 ** 20)).toThrow(expect.objectContaining({ code: 'SAMPLES_INVALID' }));
  });

  it('are not generated where the model asks for terabytes', () => {
    const inputs = [{ name: 'x', dtype: 'float32', dims: [2 ** 20, 2 ** 20] }];
    expect(() => syntheticCandidates(inputs).next()).toThrow(expect.objectContaining({ code: 'MODEL_TOO_LARGE', hint: expect.stringContaining('inputBytes') }));
  });
});
