import { decodeCtc } from './ctc.ts';
import { detectionInput } from './detection-input.ts';
import { crop } from './image.ts';
import type { Box, RgbaImage } from './image.ts';
import type { FloatTensor } from './planes.ts';
import { readingOrder } from './reading-order.ts';
import { recognitionInput } from './recognition-input.ts';
import { textBoxes } from './text-boxes.ts';

/** Lines that the recogniser itself doubts are not text; PaddleOCR's `drop_score`. */
const LOWEST_CONFIDENCE = 0.5;

/** A model with one float32 input and one float32 output. */
export type Model = (input: FloatTensor) => Promise<FloatTensor>;

/** What reading needs: two models and the characters of the second one's classes. */
export interface Reader {
  detect: Model;
  recognise: Model;
  alphabet: readonly string[];
}

/** One piece of text; pieces with the same `line` stand beside each other. */
export interface TextPiece {
  text: string;
  confidence: number;
  box: Box;
  line: number;
}

/** Reads the text of an image in reading order; yields each piece as soon as it is known. */
export async function* recognise(image: RgbaImage, reader: Reader): AsyncGenerator<TextPiece> {
  const map = await reader.detect(detectionInput(image));
  for (const [line, boxes] of readingOrder(textBoxes(map, image.width, image.height)).entries()) {
    for (const box of boxes) {
      const decoded = decodeCtc(await reader.recognise(recognitionInput(crop(image, box))), reader.alphabet);
      if (decoded.text !== '' && decoded.confidence >= LOWEST_CONFIDENCE) yield { ...decoded, box, line };
    }
  }
}

/** Pieces of one line joined by spaces, lines by line feeds. */
export function joinText(pieces: readonly TextPiece[]): string {
  return pieces.map((piece, i) => separator(piece, pieces[i - 1]) + piece.text).join('');
}

function separator(piece: TextPiece, before: TextPiece | undefined): string {
  if (before === undefined) return '';
  return piece.line === before.line ? ' ' : '\n';
}
