/**
 * The straight line through points by least squares.
 *
 * @param points pairs [x, y]
 * @returns `y = start + slope * x`, the share of y's variance that it explains, and the largest distance of a point from it as a share of the largest y
 */
export function fitLine(points) {
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(points.map(([x]) => x)), mean(points.map(([, y]) => y))];
  const slope = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  const start = my - slope * mx;
  const residuals = points.map(([x, y]) => y - (start + slope * x));
  const total = points.reduce((sum, [, y]) => sum + (y - my) ** 2, 0);
  const explained = total === 0 ? 1 : 1 - residuals.reduce((sum, residual) => sum + residual ** 2, 0) / total;
  return { start, slope, explained, worst: Math.max(...residuals.map(Math.abs)) / Math.max(...points.map(([, y]) => y)) };
}
