import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { drawnPixels } from '../../../../../test/support/sample-reference.ts';
import type { ImageSamples } from '../../calibration.ts';
import type { ValueSignature } from '../../types.ts';
import { locateSamples } from '../files/locate.ts';
import { openLabelledSamples, type LabelledSample } from '../samples.ts';
import type { SampleTensor } from '../tensor.ts';

let root: string;
const raw = { width: 23, height: 17, channels: 3 } as const;
const PIXELS = drawnPixels(23, 17);

async function draw(name: string, make: (image: Sharp) => Sharp): Promise<void> {
  mkdirSync(dirname(join(root, name)), { recursive: true });
  await make(sharp(PIXELS, { raw })).toFile(join(root, name));
}

/** The chunk with the colour profile of one PNG put behind the header of another, whose pixels stay as they are. */
function withProfile(png: Buffer, other: Buffer): Buffer {
  const start = other.indexOf('iCCP') - 4;
  const header = 8 + 25;
  return Buffer.concat([png.subarray(0, header), other.subarray(start, start + 12 + other.readUInt32BE(start)), png.subarray(header)]);
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'images-'));
  for (const name of ['classes/dog/1.png', 'classes/dog/2.png', 'classes/cat/1.png', 'kinds/a.png', 'mixed/a.png']) await draw(name, (image) => image.png());
  await draw('kinds/b.webp', (image) => image.webp({ lossless: true }));
  await draw('kinds/c.tiff', (image) => image.tiff({ compression: 'lzw' }));
  await draw('kinds/d.png', (image) => image.ensureAlpha(0.5).png());
  await draw('profile.png', (image) => image.withIccProfile('p3').png());
  writeFileSync(join(root, 'kinds/e.png'), withProfile(readFileSync(join(root, 'kinds/a.png')), readFileSync(join(root, 'profile.png'))));
  await draw('mixed/b.png', (image) => image.resize(8, 8).png());
  await draw('turned/right.jpg', (image) => image.withMetadata({ orientation: 6 }).jpeg());
  await draw('gray/a.png', (image) => image.grayscale().png());
  await draw('damaged/a.png', (image) => image.png());
  writeFileSync(join(root, 'damaged/b.png'), 'no image');
  mkdirSync(join(root, 'drawing'));
  writeFileSync(join(root, 'drawing/a.svg'), '<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>');
  await draw('cut/a.jpg', (image) => image.jpeg());
  truncateSync(join(root, 'cut/a.jpg'), readFileSync(join(root, 'cut/a.jpg')).byteLength - 150);
});
afterAll(() => rmSync(root, { recursive: true }));

const nchw: ValueSignature = { name: 'image', dtype: 'float32', dims: ['batch', 3, null, null] };
const bytes: ValueSignature = { name: 'pixels', dtype: 'uint8', dims: [1, null, null, 3] };

async function take(spec: ImageSamples | string, inputs: ValueSignature[], limit?: number): Promise<LabelledSample[]> {
  const samples: LabelledSample[] = [];
  for await (const sample of openLabelledSamples(locateSamples(spec, root), { inputs, limit })) samples.push(sample);
  return samples;
}
const tensors = (samples: LabelledSample[], name: string): SampleTensor[] => samples.map(({ feeds }) => (feeds as Record<string, SampleTensor>)[name]!);

describe('images', () => {
  it('give the same pixels in every lossless format; alpha and profiles change nothing', async () => {
    const samples = tensors(await take('kinds', [bytes]), 'pixels');
    expect(samples).toHaveLength(5);
    expect((await sharp(join(root, 'kinds/e.png')).metadata()).hasProfile).toBe(true);
    for (const { dtype, dims, data } of samples) {
      expect({ dtype, dims }).toEqual({ dtype: 'uint8', dims: [1, 17, 23, 3] });
      expect(Buffer.compare(data as Uint8Array, PIXELS)).toBe(0);
    }
  });

  it('follow layout, type and size of the input', async () => {
    const [planes] = tensors(await take({ images: 'kinds/a.png' }, [nchw]), 'image');
    expect(planes!.dims).toEqual([1, 3, 17, 23]);
    for (const [c, y, x] of [[0, 0, 0], [1, 5, 7], [2, 16, 22]] as const) {
      expect(planes!.data[(c * 17 + y) * 23 + x]).toBe(Math.fround(PIXELS[(y * 23 + x) * 3 + c]! / 255));
    }
    expect(tensors(await take('kinds/a.png', [{ ...nchw, dims: [1, 3, 8, 12] }]), 'image')[0]!.dims).toEqual([1, 3, 8, 12]);
    expect(tensors(await take('kinds/a.png', [{ ...nchw, dtype: 'float16', dims: [3, 8, 12] }]), 'image')[0]).toMatchObject({ dtype: 'float16', dims: [3, 8, 12] });
    expect(tensors(await take('kinds/a.png', [{ ...nchw, dims: [1, 1, 4, 4] }]), 'image')[0]!.dims).toEqual([1, 1, 4, 4]);
    expect(tensors(await take({ images: 'kinds/a.png', size: [4, 6], layout: 'nhwc' }, [{ ...nchw, dims: null }]), 'image')[0]!.dims).toEqual([1, 4, 6, 3]);
    expect(tensors(await take('gray', [nchw]), 'image')[0]!.dims).toEqual([1, 3, 17, 23]);
  });

  it('swap channels and normalize each by its own numbers', async () => {
    const [tensor] = tensors(await take({ images: 'kinds/a.png', colors: 'bgr', scale: 1, mean: [1, 2, 3], std: [2, 4, 8] }, [nchw]), 'image');
    const plane = 17 * 23;
    expect([0, 1, 2].map((c) => tensor!.data[c * plane + 30])).toEqual([(PIXELS[92]! - 1) / 2, (PIXELS[91]! - 2) / 4, (PIXELS[90]! - 3) / 8]);
  });

  it('are upright', async () => {
    expect(tensors(await take('turned', [bytes]), 'pixels')[0]!.dims).toEqual([1, 23, 17, 3]);
  });

  it('have the names of their folders as classes', async () => {
    const samples = await take({ images: 'classes', size: 4 }, [nchw]);
    expect(samples.map(({ name, labels }) => [name, labels])).toEqual([
      ['cat/1.png', [{ name: 'cat', index: 0 }]],
      ['dog/1.png', [{ name: 'dog', index: 1 }]],
      ['dog/2.png', [{ name: 'dog', index: 1 }]],
    ]);
    expect((await take('classes/dog', [nchw]))[0]!.labels).toBeUndefined();
    // The numbers stay those of all classes where not all are taken.
    expect((await take({ images: 'classes', limit: 1, seed: 1 }, [nchw]))[0]!.labels![0]!.name).toBe((await take({ images: 'classes', limit: 1, seed: 1 }, [nchw]))[0]!.name!.split('/')[0]);
  });

  it('go into batches', async () => {
    const two = await take({ images: 'classes/**/*.png', size: 4, batch: 2 }, [nchw]);
    expect(tensors(two, 'image').map(({ dims }) => dims[0])).toEqual([2, 1]);
    expect(two[0]!.labels!.map(({ name }) => name)).toEqual(['cat', 'dog']);
    expect(tensors(await take({ images: 'classes', size: 4 }, [{ ...nchw, dims: [2, 3, null, null] }]), 'image').map(({ dims }) => dims[0])).toEqual([2]);
    await expect(take('mixed', [{ ...nchw, dims: [2, 3, null, null] }])).rejects.toThrowError(/differ in size: a\.png is 23 x 17, b\.png 8 x 8/);
    expect(await take('mixed', [nchw])).toHaveLength(2);
  });

  it('leave the other inputs to `feeds`', async () => {
    const [sample] = await take({ images: 'kinds/a.png', feeds: { threshold: 0.5 } }, [nchw, { name: 'threshold', dtype: 'float32', dims: [] }]);
    expect((sample!.feeds as Record<string, SampleTensor>)['threshold']).toEqual({ dtype: 'float32', dims: [], data: Float32Array.of(0.5) });
  });

  const state: ValueSignature = { name: 'state', dtype: 'float32', dims: [2, 1, 128] };
  it.each<[string, ImageSamples | string, ValueSignature[], RegExp]>([
    ['a file that is none', 'damaged', [nchw], /image cannot be read.*\n.*damaged\/b\.png/],
    ['half a file', 'cut', [nchw], /image cannot be read.*\n.*cut\/a\.jpg/],
    ['a drawing', { images: 'drawing/*' }, [nchw], /image cannot be read: a drawing \(SVG\)/],
    ['a folder of drawings', { images: 'drawing' }, [nchw], /no images in the folder: no file ends in \.jpg/],
    ['a model without such an input', 'kinds', [{ name: 'ids', dtype: 'int64', dims: [1, null] }], /No input of the model takes images.*\n.*\n?.*"ids" int64\[1,\?\]/],
    ['a model with two', 'kinds', [nchw, { ...nchw, name: 'other' }], /Both "image" and "other"/],
    ['an input that is not there', { images: 'kinds', input: 'imgae' }, [nchw], /no input "imgae".*\n.*\n.*Did you mean "image"/],
    ['other channels', { images: 'kinds', colors: 'gray' }, [nchw], /has 3 channels where 'gray' has 1/],
    ['too many means', { images: 'kinds', mean: [1, 2] }, [nchw], /"mean" has 2 numbers for 3 channels/],
    ['another input without a value', 'kinds', [nchw, state], /Sample 0 \(a\.png\) has no value for the input "state"/],
    ['another size', { images: 'kinds', size: 4 }, [{ ...nchw, dims: [1, 3, 8, 8] }], /Sample 0 \(a\.png\).*found float32\[1,3,4,4\]/],
  ])('refuse %s', async (_, spec, inputs, message) => {
    await expect(take(spec, inputs)).rejects.toThrowError(message);
  });
});
