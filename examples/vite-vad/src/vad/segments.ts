/** Somebody speaks from one second to another. */
export interface Segment {
  from: number;
  to: number;
}

/** Speech begins above the first probability and ends below the second one, when it stays there for so many windows. */
const BEGINS = 0.5;
const ENDS = 0.35;
const PAUSE = 8;

/** Finds where somebody speaks, given one probability for each window. */
export function findSpeech(probabilities: readonly number[], secondsPerWindow: number): Segment[] {
  const segments: Segment[] = [];
  let begin = -1;
  let lastHeard = -1;
  const close = (): void => void segments.push({ from: begin * secondsPerWindow, to: (lastHeard + 1) * secondsPerWindow });
  for (const [i, probability] of probabilities.entries()) {
    if (probability >= (begin < 0 ? BEGINS : ENDS)) {
      if (begin < 0) begin = i;
      lastHeard = i;
    } else if (begin >= 0 && i - lastHeard >= PAUSE) {
      close();
      begin = -1;
    }
  }
  if (begin >= 0) close();
  return segments;
}
