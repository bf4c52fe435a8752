/** Size of the images that the model was trained on. */
export const WIDTH = 192;
export const HEIGHT = 48;

/** RGBA bytes of an image of that size as the model's input: colour planes, from -1 to 1. */
export function lineInput(pixels: Uint8ClampedArray): Float32Array {
  const area = WIDTH * HEIGHT;
  const input = new Float32Array(3 * area);
  for (let i = 0; i < area; i++) {
    for (let color = 0; color < 3; color++) input[color * area + i] = (pixels[4 * i + color]! / 255 - 0.5) / 0.5;
  }
  return input;
}
