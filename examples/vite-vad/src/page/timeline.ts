/** Draws probabilities as bars, the newest on the right; those of speech in the accent colour. */
export function drawTimeline(canvas: HTMLCanvasElement, probabilities: readonly number[]): void {
  const { width, height } = canvas;
  const context = canvas.getContext('2d');
  if (context === null) return;
  const bars = Math.max(probabilities.length, 200);
  const shown = probabilities.slice(-bars);
  const styles = getComputedStyle(canvas);
  context.clearRect(0, 0, width, height);
  for (const [i, probability] of shown.entries()) {
    context.fillStyle = styles.getPropertyValue(probability >= 0.5 ? '--accent' : '--quiet');
    const tall = Math.max(2, probability * height);
    context.fillRect((i * width) / bars, height - tall, Math.max(1, width / bars - 0.5), tall);
  }
}
