/** Corners in any unit, as long as all boxes of an image have the same one. */
export type Box = readonly [left: number, top: number, right: number, bottom: number];

/** Area of the intersection divided by that of the union; 0 for boxes that do not meet. */
export function intersectionOverUnion(a: Box, b: Box): number {
  const width = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const height = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (!(width > 0 && height > 0)) return 0;
  const common = width * height;
  return common / (areaOf(a) + areaOf(b) - common);
}

function areaOf([left, top, right, bottom]: Box): number {
  return (right - left) * (bottom - top);
}
