import { longs, seededFloats, type Feeds } from './run-model.ts';
import { models } from './models.ts';

const ids = (length: number, limit: number): number[] => Array.from({ length }, (_, i) => (i * 37 + 11) % limit);

/** One seeded input for every real model of models.ts, by the model's short name. */
export const realFeeds: Record<keyof typeof models, () => Feeds> = {
  ocrDetection: () => ({ x: seededFloats([1, 3, 64, 96]) }),
  ocrRecognition: () => ({ x: seededFloats([1, 3, 48, 96]) }),
  ocrDirection: () => ({ x: seededFloats([2, 3, 48, 192]) }),
  silero: () => ({ input: seededFloats([1, 512]), state: seededFloats([2, 1, 128], 2), sr: longs([], [16000]) }),
  mobilenet: () => ({ image: seededFloats([2, 3, 32, 32]) }),
  sentiment: () => ({ input_ids: longs([1, 16], ids(16, 30000)), attention_mask: longs([1, 16], Array<number>(16).fill(1)) }),
  charlm: () => ({ input_ids: longs([1, 24], ids(24, 65)) }),
};
