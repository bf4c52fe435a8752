import { mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { float16ToFloat32, readModel, tensorOf, type Model, type TensorProto } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { assertSound } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { withModelFile } from '../../packages/unplugin-quantize/src/pipeline/files/file-source.ts';
import { distFolder, hasDist, runNode } from '../support/dist.ts';
import { markedRow, WIDTH, writeLargeModel, type LargeModel } from './large-model.ts';

const GIB = 2 ** 30;
const disk = statfsSync(tmpdir());
const hasRoom = disk.bavail * disk.bsize >= 12 * GIB && freemem() >= 6 * GIB;
const needs = hasRoom ? '' : ' (needs 12 GiB of disk and 6 GiB of memory)';

/** Megabytes of a process that streams: Node itself takes about 60, a row of blocks and buffers some more. */
const MOST_MEMORY = 600;

describe.skipIf(!hasDist || !hasRoom)(`models of 2 GiB${needs}`, { timeout: 300_000 }, () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'large-model-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it.each([
    ['one file of 1.95 GiB', 1.95, false],
    ['2.2 GiB of external data', 2.2, true],
  ] as const)('quantizes %s in little memory', async (_, gib, isSplit) => {
    const source = writeLargeModel(folder, gib * GIB, isSplit);
    expect(source.bytes).toBeGreaterThan((gib - 0.01) * GIB);
    const output = join(folder, 'small.onnx');
    const { memory } = await runMeasured([join(distFolder, 'cli/main.js'), 'quantize', source.path, '-o', output, '--format', 'int8-dynamic', '--no-verify']);
    expect(memory).toBeLessThan(MOST_MEMORY);
    withModelFile(output, output, ({ source: bytes }) => {
      expect(bytes.byteLength).toBeLessThan(source.bytes * 0.26);
      const model = readModel(bytes);
      assertSound(model);
      expectMarkedRows(model, source);
    });
  });

  it('copies a model with its 2.2 GiB of external data in little memory', async () => {
    const source = writeLargeModel(folder, 2.2 * GIB, true);
    const copy = join(folder, 'copy.onnx');
    const { memory } = await runMeasured([join(distFolder, 'cli/main.js'), 'quantize', source.path, '-o', copy, '--format', 'none', '--external-data', '--no-verify']);
    expect(memory).toBeLessThan(MOST_MEMORY);
    withModelFile(copy, copy, ({ source: bytes, files }) => {
      const model = readModel(bytes, files);
      expect(files.open('copy.onnx.data').byteLength).toBeGreaterThan(2.19 * GIB);
      for (let index = 0; index <= source.matrices; index++) {
        const [first, last] = ends(model, model.proto.graph!.initializer[index]!);
        expect(floatsOf(first)).toEqual(markedRow(index, false));
        expect(floatsOf(last)).toEqual(markedRow(index, true));
      }
    });
  });

  it('refuses at once to make a file that no engine reads', async () => {
    const source = writeLargeModel(folder, 9 * GIB, true);
    for (const format of ['int8-storage', 'none']) {
      const result = await runNode([join(distFolder, 'cli/main.js'), 'quantize', source.path, '-o', join(folder, 'large.onnx'), '--format', format, '--no-verify']);
      expect(result.code).toBe(2);
      expect(result.stderr).toContain('MODEL_TOO_LARGE');
      expect(result.stderr).toContain('--external-data');
      expect(readdirSync(folder).sort()).toEqual(['model.data', 'model.onnx']);
    }
  });

  /** Runs Node and gives the largest memory that its process had, in megabytes. */
  async function runMeasured(args: string[]): Promise<{ memory: number }> {
    const memoryFile = join(folder, 'memory.txt');
    const result = await runNode(['--require', join(import.meta.dirname, 'record-memory.cjs'), ...args], { env: { ...process.env, MEMORY_FILE: memoryFile } });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    const memory = Number(readFileSync(memoryFile, 'utf8'));
    console.log(`${Math.round(memory)} MB`);
    return { memory };
  }
});

/** What the marked rows of all weights became, with the scale that belongs to them. */
function expectMarkedRows(model: Model, { matrices }: LargeModel): void {
  const { initializer } = model.proto.graph!;
  const integers = initializer.filter(({ dims }) => dims.length === 2 && Number(dims[1]) === WIDTH);
  expect(integers).toHaveLength(matrices + 1);
  for (const [index, weight] of integers.entries()) {
    const scales = initializer[initializer.indexOf(weight) + 1]!;
    for (const [isLast, bytes] of ends(model, weight).entries()) {
      const values = new Int8Array(bytes);
      const marked = markedRow(index, isLast === 1);
      for (let column = 0; column < WIDTH; column += 97) {
        // A table has a scale for each row, a matrix for each column; rounding moves a value by half of it.
        const scale = scaleAt(model, scales, index === 0 ? (isLast === 1 ? -1 : 0) : column);
        expect(Math.abs(values[column]! * scale - marked[column]!)).toBeLessThanOrEqual((scale / 2) * (1 + 2 ** -10));
      }
    }
  }
}

function scaleAt(model: Model, proto: TensorProto, index: number): number {
  const tensor = tensorOf(model, proto);
  const bytes = Buffer.concat([...tensor.chunks()].map((chunk) => chunk.slice()));
  if (tensor.dtype === 'float32') return bytes.readFloatLE((index < 0 ? tensor.dims[0]! + index : index) * 4);
  const halves = new Uint16Array(new Uint8Array(bytes).buffer);
  const floats = new Float32Array(halves.length);
  float16ToFloat32(halves, floats);
  return floats.at(index)!;
}

/** The first and the last row of a matrix. */
function ends(model: Model, proto: TensorProto): [ArrayBuffer, ArrayBuffer] {
  const tensor = tensorOf(model, proto);
  const row = tensor.byteLength / tensor.dims[0]!;
  let first: Uint8Array | undefined;
  let last = new Uint8Array(0);
  for (const chunk of tensor.chunks()) {
    first ??= chunk.slice(0, row);
    last = chunk.slice(Math.max(0, chunk.length - row));
  }
  return [first!.buffer as ArrayBuffer, last.buffer];
}

function floatsOf(buffer: ArrayBuffer): Float32Array {
  return new Float32Array(buffer);
}
