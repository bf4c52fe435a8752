import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBase64, sampleReference } from '../../../../../test/support/sample-reference.ts';
import type { AudioSamples } from '../../calibration.ts';
import { QuantizeError } from '../../errors.ts';
import type { ValueSignature } from '../../types.ts';
import { locateSamples } from '../files/locate.ts';
import { openLabelledSamples } from '../samples.ts';
import type { SampleTensor } from '../tensor.ts';
import { resample, resampledLength } from './resample.ts';
import { readWav, readWavHeader } from './wav.ts';

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'audio-'));
  for (const { name, file } of sampleReference.clips) writeFileSync(join(root, `${name}.wav`), fromBase64(file));
  writeFileSync(join(root, 'ramp.wav'), wav(Int16Array.from({ length: 1000 }, (_, i) => i), 16000));
});
afterAll(() => rmSync(root, { recursive: true }));

/** A mono file of 16 bits. */
function wav(sound: Int16Array, rate: number, change: (view: DataView) => void = () => undefined): Uint8Array {
  const bytes = new Uint8Array(44 + sound.byteLength);
  const view = new DataView(bytes.buffer);
  const text = (at: number, value: string): void => bytes.set(new TextEncoder().encode(value), at);
  text(0, 'RIFF');
  view.setUint32(4, 36 + sound.byteLength, true);
  text(8, 'WAVEfmt ');
  for (const [at, value] of [[16, 16], [24, rate], [28, rate * 2], [40, sound.byteLength]] as const) view.setUint32(at, value, true);
  for (const [at, value] of [[20, 1], [22, 1], [32, 2], [34, 16]] as const) view.setUint16(at, value, true);
  text(36, 'data');
  bytes.set(new Uint8Array(sound.buffer, sound.byteOffset, sound.byteLength), 44);
  change(view);
  return bytes;
}

const input: ValueSignature = { name: 'audio', dtype: 'float32', dims: ['batch', 'frames'] };
async function take(spec: AudioSamples | string, inputs: ValueSignature[] = [input]): Promise<SampleTensor[]> {
  const samples: SampleTensor[] = [];
  for await (const { feeds } of openLabelledSamples(locateSamples(spec, root), { inputs })) samples.push((feeds as Record<string, SampleTensor>)[inputs[0]!.name]!);
  return samples;
}

describe('readWav', () => {
  it.each(sampleReference.clips)('reads $name as scipy and wave wrote it', async ({ name, values }) => {
    const { data, channels, rate, frames } = await readWav(join(root, `${name}.wav`));
    expect({ channels, rate, frames }).toEqual({ channels: 2, rate: 22050, frames: 9 });
    expect(data.flatMap((channel) => [...channel])).toEqual([...new Float32Array(fromBase64(values).buffer)]);
  });

  const sound = Int16Array.from({ length: 8 }, (_, i) => i * 100);
  it.each<[string, (view: DataView) => void, RegExp]>([
    ['another format', (view) => view.setUint8(0, 0), /not in \.wav format/],
    ['compressed sound', (view) => view.setUint16(20, 85, true), /16 bits of format 85/],
    ['12 bits', (view) => view.setUint16(34, 12, true), /12 bits of format 1/],
    ['no channel', (view) => view.setUint16(22, 0, true), /0 channels/],
    ['uneven frames', (view) => view.setUint16(32, 3, true), /frames of 3 bytes for 1 channels of 16 bits/],
    ['no rate', (view) => view.setUint32(24, 0, true), /has 0 frames a second/],
    ['an impossible rate', (view) => view.setUint32(24, 2 ** 31, true), /2147483648 frames a second/],
    ['more data than there is', (view) => view.setUint32(40, 100, true), /should hold 100 bytes of sound, but 16 are there/],
    ['a header that goes on', (view) => view.setUint32(16, 1000, true), /cut off in its header/],
    ['no data', (view) => view.setUint32(36, 0, true), /no sound in it/],
    ['empty data', (view) => view.setUint32(40, 0, true), /no sound in it/],
  ])('refuses %s', async (_, change, message) => {
    const path = join(root, 'bad.wav_');
    writeFileSync(path, wav(sound, 8000, change));
    await expect(readWav(path)).rejects.toThrowError(message);
    await expect(readWav(path)).rejects.toMatchObject({ code: 'SAMPLES_INVALID', option: path });
  });

  it('goes to the end of a file whose writer did not know its length', async () => {
    const path = join(root, 'streamed.wav_');
    writeFileSync(path, wav(sound, 8000, (view) => view.setUint32(40, 0xffffffff, true)));
    expect(await readWavHeader(path)).toMatchObject({ frames: 8, rate: 8000 });
  });

  it('refuses every damaged file with its name, and never hangs', async () => {
    const path = join(root, 'fuzzed.wav_');
    const whole = readFileSync(join(root, 'int24.wav'));
    const others: unknown[] = [];
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.byteLength), fc.array(fc.tuple(fc.nat(whole.byteLength - 1), fc.nat(255)), { maxLength: 4 }), async (length, changes) => {
        const bytes = Buffer.from(whole);
        for (const [at, value] of changes) bytes[at] = value;
        writeFileSync(path, bytes.subarray(0, length));
        await readWav(path).catch((error: unknown) => {
          if (!(error instanceof QuantizeError && error.option === path)) others.push(error);
        });
      }),
      { numRuns: 300 },
    );
    expect(others).toEqual([]);
  });
});

describe('resample', () => {
  const sound = new Float32Array(fromBase64(sampleReference.sound.sound).buffer);
  it.each(sampleReference.sound.cases)('gives the sound of scipy.signal.resample_poly: $from to $to Hz', ({ from, to, data }) => {
    const expected = new Float64Array(fromBase64(data).buffer);
    const found = resample(sound, from, to);
    expect(found).toHaveLength(expected.length);
    expect(resampledLength(sound.length, from, to)).toBe(expected.length);
    // Sums of fewer than 2^10 float64 terms below 1, then one rounding to float32.
    for (const [i, value] of expected.entries()) expect(Math.abs(found[i]! - value)).toBeLessThanOrEqual(2 ** -24 + 2 ** -43);
  });
});

describe('clips', () => {
  it('are whole where the input is free, windows where it is not', async () => {
    const [whole] = await take('ramp.wav');
    expect(whole).toMatchObject({ dtype: 'float32', dims: [1, 1000] });
    expect(whole!.data[999]).toBe(999 / 32768);
    const windows = await take('ramp.wav', [{ ...input, dims: [1, 300] }]);
    expect(windows.map(({ data }) => Number(data[0]) * 32768)).toEqual([0, 300, 600]);
    const [padded] = await take({ audio: 'ramp.wav', samples: 1024 });
    expect([padded!.dims, padded!.data[999], padded!.data[1000]]).toEqual([[1, 1024], 999 / 32768, 0]);
  });

  it('go into batches, channels and int16', async () => {
    expect((await take({ audio: 'ramp.wav', samples: 100, batch: 4 })).map(({ dims }) => dims)).toEqual([[4, 100], [4, 100], [2, 100]]);
    const [stereo] = await take('int16.wav', [{ ...input, dims: [1, 2, null] }]);
    expect(stereo!.dims).toEqual([1, 2, 9]);
    const [mono] = await take('int16.wav');
    const [left, right] = [0, 1].map((c) => Array.from(stereo!.data.slice(c * 9, c * 9 + 9), Number));
    expect([...mono!.data]).toEqual(left!.map((value, i) => Math.fround((value + right![i]!) / 2)));
    const [integers] = await take('ramp.wav', [{ name: 'pcm', dtype: 'int16', dims: [null] }]);
    expect([...integers!.data]).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect((await take('ramp.wav', [{ ...input, dims: [1, 2, null] }]))[0]!.dims).toEqual([1, 2, 1000]);
  });

  it('leave the other inputs to `feeds`, and are brought to one rate', async () => {
    const vad = [input, { name: 'state', dtype: 'float32', dims: [2, null, 128] }, { name: 'sr', dtype: 'int64', dims: [] }] satisfies ValueSignature[];
    const feeds = { sr: 16000, state: { data: new Float32Array(256), dims: [2, 1, 128] } };
    expect((await take({ audio: ['ramp.wav', 'float32.wav'], sampleRate: 8000, feeds }, vad)).map(({ dims }) => dims[1])).toEqual([500, 4]);
    await expect(take('ramp.wav', vad)).rejects.toThrowError(/Several inputs could take sound: "audio", "state"/);
    await expect(take({ audio: ['ramp.wav', 'float32.wav'] })).rejects.toThrowError(/differ in their rate: 0\/ramp\.wav has 16000 Hz, 1\/float32\.wav 22050 Hz/);
  });

  it.each<[string, AudioSamples | string, ValueSignature[], RegExp]>([
    ['a model of spectrograms', 'ramp.wav', [{ name: 'x', dtype: 'float32', dims: [1, 1, 80, 300] }], /No input of the model takes sound/],
    ['an input that is not there', { audio: 'ramp.wav', input: 'x' }, [input], /no input "x"/],
    ['an input of another kind', { audio: 'ramp.wav', input: 'x' }, [{ name: 'x', dtype: 'int64', dims: [1, 2] }], /does not take sound/],
    ['channels that cannot be made', { audio: 'int16.wav', channels: 3 }, [{ ...input, dims: [1, 3, null] }], /has 2 channels where 3 are wanted/],
  ])('refuse %s', async (_, spec, inputs, message) => {
    await expect(take(spec, inputs)).rejects.toThrowError(message);
  });
});
