import * as ort from 'onnxruntime-node';

/** A white page with rows of dark strokes that a text detector takes for lines of words: float32 [1, 3, height, width], normalized. */
export function drawnPage(height: number, width: number): ort.Tensor {
  const page = new Float32Array(3 * height * width).fill(1);
  for (let y = 0; y < height; y++) {
    const line = y % 32;
    for (let x = 10; x < width - 10; x++) {
      const isInk = line > 8 && line < 22 && x % 9 < 5 && (x * 7 + y * 3) % 11 < 8;
      if (!isInk) continue;
      for (let channel = 0; channel < 3; channel++) page[(channel * height + y) * width + x] = -1.5;
    }
  }
  return new ort.Tensor('float32', page, [1, 3, height, width]);
}
