import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, platform } from 'node:os';
import { dirname, join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { RunResults } from './host.ts';
import { isLoss, LOSS_SIGNS, tellingLoss } from './loss.node.ts';
import type { Tensor } from './types.ts';

const folder = join(dirname(createRequire(import.meta.url).resolve('onnxruntime-node')), '../bin/napi-v6', platform(), arch());
const library = existsSync(folder) ? readdirSync(folder).map((file) => join(folder, file)).find((file) => /libonnxruntime\.|onnxruntime\.dll/.test(file)) : undefined;

describe('the words of a lost device', () => {
  it.skipIf(library === undefined)('are those of the installed onnxruntime-node', () => {
    const bytes = readFileSync(library!);
    expect(LOSS_SIGNS.flatMap(({ literal }) => literal ?? []).filter((literal) => !bytes.includes(literal))).toEqual([]);
  });

  it.each([
    "Non-zero status code returned while running MatMul node. Name:'m' Status Message: [Device] is lost.",
    'failed to call OrtRun(). [Device "onnxruntime"] is lost.\n - While calling [Device].CreateBuffer([BufferDescriptor]).',
    'Failed to create a WebGPU compute pipeline: A valid external Instance reference no longer exists.',
    'Failed to download data from buffer. wgpu::MapAsyncStatus value: 4',
    'vkQueueSubmit failed with VK_ERROR_DEVICE_LOST',
    'CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; hostname=h',
    'CUDA error 719',
  ])('are found in %j', (message) => expect(isLoss(new Error(message))).toBe(true));

  it.each([
    'Got invalid dimensions for input: x',
    'CUDA failure 2: out of memory',
    'CUDA error 7001',
    "input 'device' is lost in translation",
    'Failed to download data from buffer. wgpu::MapAsyncStatus value: 3',
  ])('are not found in %j', (message) => expect(isLoss(new Error(message))).toBe(false));
});

describe('a run that fails', () => {
  const tensor = (bytes: number): Tensor => new ort.Tensor('uint8', new Uint8Array(bytes), [bytes]) as Tensor;
  /** Fails as it is told to, and remembers the inputs that it was given. */
  function device() {
    const state = { broken: null as string | null, refuses: -1, given: [] as number[] };
    const run = tellingLoss(async (feeds): Promise<RunResults> => {
      const bytes = feeds['x']!.dims[0]!;
      state.given.push(bytes);
      if (state.broken !== null || bytes === state.refuses) throw new Error(state.broken ?? 'wrong input');
      return { y: tensor(1) };
    });
    return { state, ask: (bytes: number) => run({ x: tensor(bytes) }) };
  }

  it('tells a loss by its message, without trying more', async () => {
    const { state, ask } = device();
    await ask(1);
    state.broken = '[Device] is lost.';
    await expect(ask(2)).rejects.toMatchObject({ code: 'DEVICE_LOST', message: expect.stringContaining('[Device] is lost.') });
    expect(state.given).toEqual([1, 2]);
  });

  it('tells a loss by words that nobody knows, because what was computed before is not any more', async () => {
    const { state, ask } = device();
    await ask(1);
    await ask(3);
    state.broken = 'unheard of';
    await expect(ask(2)).rejects.toMatchObject({ code: 'DEVICE_LOST', cause: expect.objectContaining({ message: 'unheard of' }) });
    expect(state.given).toEqual([1, 3, 2, 1]);
  });

  it('leaves the error of a wrong input as it is', async () => {
    const { state, ask } = device();
    state.refuses = 2;
    await expect(ask(2)).rejects.toThrow('wrong input');
    await ask(1);
    await expect(ask(2)).rejects.toThrow('wrong input');
    expect(state.given).toEqual([2, 1, 2, 1]);
  });

  it('keeps no large input to find out', async () => {
    const { state, ask } = device();
    await ask((1 << 20) + 1);
    state.broken = 'unheard of';
    await expect(ask(1)).rejects.toThrow('unheard of');
    expect(state.given).toHaveLength(2);
  });
});
