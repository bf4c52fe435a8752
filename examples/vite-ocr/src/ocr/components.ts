import type { Box } from './image.ts';

/** Bounding boxes of the 8-connected areas of a map [height, width] where its value is above `threshold`. */
export function components(map: Float32Array, width: number, height: number, threshold: number): Box[] {
  const seen = new Uint8Array(map.length);
  const boxes: Box[] = [];
  const isOpen = (index: number): boolean => seen[index] === 0 && (map[index] as number) > threshold;
  for (let start = 0; start < map.length; start++) {
    if (isOpen(start)) boxes.push(fill(start));
  }
  return boxes;

  function fill(start: number): Box {
    const box: Box = { left: width, top: height, right: 0, bottom: 0 };
    const stack = [start];
    seen[start] = 1;
    for (let index = stack.pop(); index !== undefined; index = stack.pop()) {
      const x = index % width;
      const y = (index - x) / width;
      box.left = Math.min(box.left, x);
      box.top = Math.min(box.top, y);
      box.right = Math.max(box.right, x + 1);
      box.bottom = Math.max(box.bottom, y + 1);
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
          const next = ny * width + nx;
          if (!isOpen(next)) continue;
          seen[next] = 1;
          stack.push(next);
        }
      }
    }
    return box;
  }
}
