import type { FloatTensor } from './planes.ts';

const BLANK = 0;

/** Decoded text and the mean probability of its characters, 0 for empty text. */
export interface Decoded {
  text: string;
  confidence: number;
}

/**
 * The characters of the recogniser's classes: class 0 is CTC's blank, then one line of the
 * keys file each, then the space, which the file does not hold.
 */
export function readAlphabet(keys: string): string[] {
  return ['', ...keys.replace(/\r?\n$/, '').split(/\r?\n/), ' '];
}

/**
 * Greedy CTC decoding of probabilities [1, steps, classes]: the best class of each step,
 * repeats merged, blanks dropped.
 * @throws RangeError when the alphabet does not have one character for each class.
 */
export function decodeCtc({ data, dims }: FloatTensor, alphabet: readonly string[]): Decoded {
  const [steps = 0, classes = 0] = dims.slice(-2);
  if (classes !== alphabet.length) {
    throw new RangeError(`The model has ${classes} classes and the keys file ${alphabet.length}, blank and space included.`);
  }
  let text = '';
  let characters = 0;
  let total = 0;
  let previous = BLANK;
  for (let step = 0; step < steps; step++) {
    const row = data.subarray(step * classes, (step + 1) * classes);
    const best = largest(row);
    if (best !== BLANK && best !== previous) {
      text += alphabet[best];
      characters += 1;
      total += row[best] as number;
    }
    previous = best;
  }
  return { text, confidence: characters === 0 ? 0 : total / characters };
}

function largest(row: Float32Array): number {
  let best = 0;
  for (let i = 1; i < row.length; i++) {
    if ((row[i] as number) > (row[best] as number)) best = i;
  }
  return best;
}
