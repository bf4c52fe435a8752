import type { Box } from './image.ts';

/**
 * Boxes line by line from the top, each line from the left. A box belongs to the line above
 * when its centre lies less than half a box height under the centre of the line's first box.
 */
export function readingOrder(boxes: readonly Box[]): Box[][] {
  const lines: Box[][] = [];
  for (const box of [...boxes].sort((a, b) => centreY(a) - centreY(b))) {
    const line = lines.at(-1);
    const first = line?.[0];
    if (line !== undefined && first !== undefined && centreY(box) - centreY(first) < halfHeight(first, box)) line.push(box);
    else lines.push([box]);
  }
  for (const line of lines) line.sort((a, b) => a.left - b.left);
  return lines;
}

function centreY(box: Box): number {
  return (box.top + box.bottom) / 2;
}

function halfHeight(a: Box, b: Box): number {
  return Math.min(a.bottom - a.top, b.bottom - b.top) / 2;
}
