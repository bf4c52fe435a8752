import type { ValueHistogram } from '../../../types.ts';
import { html, type Markup } from '../markup.ts';
import { at, drawing, label, line } from './svg.ts';

const WIDTH = 280;
const HEIGHT = 96;
const BASE = 78;

/**
 * Counts as an area on a root scale, on which rare values far out are still seen; a second set of counts is drawn as a line over it.
 *
 * @param marks values that get an upright line, such as the ends of a range
 */
export function histogramChart(title: string, { from, to, counts, stored }: ValueHistogram & { stored?: readonly number[] }, marks: readonly number[] = []): Markup {
  const most = Math.max(1, ...counts, ...(stored ?? []));
  const height = (count: number): number => at(BASE - Math.sqrt(count / most) * (BASE - 6));
  const width = WIDTH / counts.length;
  const steps = (values: readonly number[]): string => values.map((count, i) => `${at(i * width)},${height(count)} ${at((i + 1) * width)},${height(count)}`).join(' ');
  const place = (value: number): number => (to > from ? ((value - from) / (to - from)) * WIDTH : WIDTH / 2);
  const inside = (value: number): boolean => value >= from && value <= to;
  return drawing(WIDTH, HEIGHT, title, [
    html`<polygon class="area" points="0,${BASE} ${steps(counts)} ${WIDTH},${BASE}"/>`,
    stored !== undefined && html`<polyline class="outline" points="${steps(stored)}"/>`,
    marks.filter(inside).map((value) => line(place(value), 4, place(value), BASE, 'mark')),
    line(0, BASE, WIDTH, BASE, 'axis'),
    from < 0 && to > 0 && [line(place(0), BASE, place(0), BASE + 4, 'axis'), place(0) > 50 && place(0) < WIDTH - 50 && label(place(0), HEIGHT - 4, '0', 'middle')],
    label(0, HEIGHT - 4, shortNumber(from)),
    label(WIDTH, HEIGHT - 4, shortNumber(to), 'end'),
  ], 'histogram');
}

/** Three digits that count. */
export function shortNumber(value: number): string {
  return String(Number(value.toPrecision(3)));
}
