/** Draws a line of text, upright or on its head. @returns its pixels, RGBA */
export function drawLine(canvas: HTMLCanvasElement, isTurned: boolean): Uint8ClampedArray<ArrayBuffer> {
  const { width, height } = canvas;
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  if (isTurned) context.setTransform(-1, 0, 0, -1, width, height);
  else context.resetTransform();
  context.fillStyle = 'white';
  context.fillRect(0, 0, width, height);
  context.fillStyle = 'black';
  context.font = '32px sans-serif';
  context.fillText('Lantern 37', 12, 35);
  return context.getImageData(0, 0, width, height).data;
}
