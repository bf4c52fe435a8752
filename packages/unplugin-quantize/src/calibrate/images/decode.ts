import { readFile } from 'node:fs/promises';
import { QuantizeError } from '../../errors.ts';
import { IMAGE_EXTENSIONS } from '../files/extensions.ts';
import type { FoundFile } from '../files/find-files.ts';
import { loadOptional } from '../optional-package.ts';
import type { Pixels } from './pixels.ts';

/**
 * The pixels of a file as they are stored, 8 bits a channel, upright as browsers show them; colour profiles change nothing, because their arithmetic differs
 * between machines. Nothing is resized here for the same reason. The first picture of an animation or of several pages.
 *
 * @throws QuantizeError READER_MISSING; SAMPLES_INVALID naming a file that is no image or is damaged
 */
export async function decodeImage({ path }: FoundFile): Promise<Pixels> {
  const { default: sharp } = await loadOptional('sharp', 'Images', () => import('sharp'));
  try {
    // The bytes and not the path: sharp would remember a file by its path.
    const image = sharp(await readFile(path), { autoOrient: true, ignoreIcc: true, failOn: 'warning' });
    if ((await image.metadata()).format === 'svg') throw new Error('a drawing (SVG) has no pixels of its own, and fonts differ between machines');
    const { data, info } = await image.toColourspace('srgb').raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, channels: info.channels, data };
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new QuantizeError('SAMPLES_INVALID', `The image cannot be read: ${message}`, {
      option: path,
      hint: `Give whole images (${IMAGE_EXTENSIONS.join(' ')}) only.`,
      cause,
    });
  }
}
