import type { ImageSamples } from '../../calibration.ts';
import { QuantizeError } from '../../errors.ts';
import { IMAGE_EXTENSIONS } from '../files/extensions.ts';
import { findFiles, type FoundFile } from '../files/find-files.ts';
import type { LocatedSamples } from '../files/locate.ts';
import { batchOf, type SampleItem, type SampleSource, type SourceContext } from '../source.ts';
import { decodeImage } from './decode.ts';
import { fitImage } from './fit.ts';
import { findImageInput, type ImageInput } from './image-input.ts';
import { toColors, type Pixels } from './pixels.ts';
import { emptyArray, valueTables, writeImage } from './values.ts';

/**
 * Images as values of one input.
 *
 * @throws QuantizeError SAMPLES_NOT_FOUND, SAMPLES_INVALID, OPTION_INVALID
 */
export async function openImages({ at, spec: given }: LocatedSamples, context: SourceContext): Promise<SampleSource> {
  const spec = given as Partial<ImageSamples>;
  const files = await findFiles(at, IMAGE_EXTENSIONS, 'images');
  const input = findImageInput(spec, context);
  const channels = input.colors === 'gray' ? 1 : 3;
  const each = (value: number | number[] | undefined, otherwise: number, option: string): number[] => perChannel(value ?? otherwise, channels, option);
  const tables = valueTables(input.dtype, { scale: spec.scale, mean: each(spec.mean, 0, 'mean'), std: each(spec.std, 1, 'std') });
  const fit = { target: input.target, fit: spec.fit ?? 'crop', resize: spec.resize, filter: spec.filter ?? 'bilinear', pad: each(spec.pad, 0, 'pad') } as const;
  const batch = input.batchDim === undefined ? { batch: 1, isBatchFixed: false } : batchOf(spec.batch, input.batchDim);
  return {
    items: labelled(files),
    files: [],
    ...batch,
    note: presumption(spec, input),
    async read(indices) {
      const images: Pixels[] = [];
      for (const index of indices) images.push(fitImage(toColors(await decodeImage(files[index]!), input.colors), fit));
      const { width, height } = sameSize(images, indices.map((index) => files[index]!));
      const length = width * height * channels;
      const data = emptyArray(input.dtype, length * images.length);
      for (const [i, image] of images.entries()) writeImage(image, tables, input.layout, data, i * length);
      const shape = input.layout === 'nchw' ? [channels, height, width] : [height, width, channels];
      return { [input.name]: { type: input.dtype, data, dims: input.batchDim === undefined ? shape : [images.length, ...shape] } };
    },
  };
}

/** Pixels that are scaled in another way than in training make other activations, and nothing else tells of it. */
function presumption({ scale, mean, std }: Partial<ImageSamples>, { dtype }: ImageInput): string | undefined {
  if (scale !== undefined || mean !== undefined || std !== undefined || !dtype.startsWith('float')) return undefined;
  return 'The images go in as values from 0 to 1, because nobody said how the model wants them: say `mean` and `std` (or `scale`) of its training, as in { "images": "photos", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225] }, or `mean: 0` where this is right.';
}

function perChannel(value: number | number[], channels: number, option: string): number[] {
  if (typeof value === 'number') return Array.from({ length: channels }, () => value);
  if (value.length === channels) return value;
  throw new QuantizeError('OPTION_INVALID', `"${option}" has ${value.length} numbers for ${channels} channels.`, { option: `calibration.${option}` });
}

/** Folders are classes where every image lies in one and there are several. */
function labelled(files: readonly FoundFile[]): SampleItem[] {
  const folders = files.map(({ name }) => name.split('/').at(-2));
  const isLabelled = folders.every((folder) => folder !== undefined) && new Set(folders).size > 1;
  return files.map((file, i) => ({ name: file.name, file, ...(isLabelled && { label: folders[i] }) }));
}

function sameSize(images: readonly Pixels[], files: readonly FoundFile[]): Pixels {
  const first = images[0]!;
  const other = images.findIndex(({ width, height }) => width !== first.width || height !== first.height);
  if (other === -1) return first;
  throw new QuantizeError('SAMPLES_INVALID', `Images of one batch differ in size: ${files[0]!.name} is ${first.width} x ${first.height}, ${files[other]!.name} ${images[other]!.width} x ${images[other]!.height}.`, {
    option: files[other]!.path,
    hint: 'Give `size`, or `batch: 1`.',
  });
}
