interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Where a label stands: the end of its text that is at x, and its baseline. */
export interface PlacedLabel {
  x: number;
  y: number;
  anchor: 'start' | 'middle' | 'end';
}

const CHARACTER = 8;
const HEIGHT = 13;

/**
 * Places labels beside points so that they cover neither points nor one another where that is possible: right, left, above, below, in
 * this order and farther away each time.
 */
export function placeLabels(points: readonly { x: number; y: number; text: string }[], area: Box): PlacedLabel[] {
  const taken: Box[] = points.map(({ x, y }) => ({ x: x - 5, y: y - 5, width: 10, height: 10 }));
  return points.map(({ x, y, text }) => {
    const width = text.length * CHARACTER;
    const choices = [0, 10, 20, 32].flatMap((far): (PlacedLabel & { box: Box })[] => [
      { x: x + 9, y: y + 4 - far, anchor: 'start', box: { x: x + 8, y: y - 7 - far, width, height: HEIGHT } },
      { x: x + 9, y: y + 4 + far, anchor: 'start', box: { x: x + 8, y: y - 7 + far, width, height: HEIGHT } },
      { x: x - 9, y: y + 4 - far, anchor: 'end', box: { x: x - 8 - width, y: y - 7 - far, width, height: HEIGHT } },
      { x: x - 9, y: y + 4 + far, anchor: 'end', box: { x: x - 8 - width, y: y - 7 + far, width, height: HEIGHT } },
      { x, y: y - 9 - far, anchor: 'middle', box: { x: x - width / 2, y: y - 20 - far, width, height: HEIGHT } },
      { x, y: y + 18 + far, anchor: 'middle', box: { x: x - width / 2, y: y + 7 + far, width, height: HEIGHT } },
    ]);
    const inside = choices.filter(({ box }) => box.x >= area.x && box.x + box.width <= area.x + area.width && box.y >= area.y && box.y + box.height <= area.y + area.height);
    const free = inside.find(({ box }) => !taken.some((other) => overlap(box, other)));
    const { box, ...label } = free ?? inside[0] ?? choices[0]!;
    taken.push(box);
    return label;
  });
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}
