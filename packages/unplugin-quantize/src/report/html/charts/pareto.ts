import { formatBytes } from '../../size.ts';
import { html, type Markup } from '../markup.ts';
import { decibelAxis, linearAxis, similarityAxis, type Axis } from './axis.ts';
import { placeLabels } from './labels.ts';
import { at, drawing, label, line } from './svg.ts';

/** A model in one form. */
export interface ParetoPoint {
  name: string;
  bytes: number;
  /** More is better. */
  value: number;
  /** Half of an interval around the value. */
  margin?: number | undefined;
  text: string;
  kind: 'source' | 'used' | 'tried';
}

export interface ParetoData {
  /** What the values are, such as `lowest cosine`. */
  measure: string;
  /** `similarity`: at most 1, and the distance from it counts. `decibels`: infinity is exact. */
  scale: 'similarity' | 'decibels' | 'linear';
  points: readonly ParetoPoint[];
}

const WIDTH = 640;
const HEIGHT = 340;
const AREA = { right: 620, top: 16, bottom: 292 };
/** Room for the name of the upright axis, and for a character of its numbers. */
const NAME_ROOM = 34;
const CHARACTER = 6.8;

/** Accuracy against size. A line joins the points that no other one beats in both; the others are paler. */
export function paretoChart(title: string, { measure, scale, points }: ParetoData): Markup {
  const y = valueAxis(scale, points);
  const left = NAME_ROOM + CHARACTER * Math.max(...y.ticks.map(({ label: text }) => text.length));
  const x = linearAxis({ from: 0, to: Math.max(...points.map(({ bytes }) => bytes)) * 1.06, start: left, end: AREA.right }, sizeLabel);
  const front = paretoFront(points);
  const places = points.map((point) => ({ x: x.place(point.bytes), y: y.place(point.value), text: point.name }));
  const labels = placeLabels(places, { x: left, y: 0, width: WIDTH - left, height: AREA.bottom - 2 });
  const path = front.map((i) => `${at(places[i]!.x)},${at(places[i]!.y)}`).join(' ');
  const spoken = points.map(({ name, bytes, text }) => `${name} ${formatBytes(bytes)} ${text}`).join('; ');
  return drawing(WIDTH, HEIGHT, `${title}. ${spoken}`, [
    x.ticks.map(({ value, label: text }) => [line(x.place(value), AREA.top, x.place(value), AREA.bottom, 'gridline'), label(x.place(value), AREA.bottom + 17, text, 'middle')]),
    y.ticks.map(({ value, label: text }) => [line(left, y.place(value), AREA.right, y.place(value), 'gridline'), label(left - 8, y.place(value) + 4, text, 'end')]),
    label((left + AREA.right) / 2, HEIGHT - 8, 'size', 'middle', 'axis-name'),
    html`<text class="axis-name" transform="translate(14 ${(AREA.top + AREA.bottom) / 2}) rotate(-90)" text-anchor="middle">${measure}</text>`,
    html`<polyline class="front" points="${path}"/>`,
    points.map(({ value, margin }, i) => margin !== undefined && line(places[i]!.x, y.place(value - margin), places[i]!.x, y.place(value + margin), 'margin')),
    points.map((point, i) => drawPoint(point, places[i]!, front.includes(i))),
    points.map(({ name }, i) => label(labels[i]!.x, labels[i]!.y, name, labels[i]!.anchor, front.includes(i) ? 'point-name' : 'point-name beaten')),
  ]);
}

function drawPoint({ name, bytes, text, kind }: ParetoPoint, { x, y }: { x: number; y: number }, isBest: boolean): Markup {
  return html`<circle class="point ${kind}${isBest ? '' : ' beaten'}" cx="${at(x)}" cy="${at(y)}" r="5"><title>${name}: ${formatBytes(bytes)}, ${text}</title></circle>`;
}

/** Indices of the points that no other one beats, from the smallest on. */
export function paretoFront(points: readonly Pick<ParetoPoint, 'bytes' | 'value'>[]): number[] {
  const order = points.map((_, i) => i).sort((a, b) => points[a]!.bytes - points[b]!.bytes || points[b]!.value - points[a]!.value);
  let best = -Infinity;
  return order.filter((i) => {
    if (points[i]!.value <= best) return false;
    best = points[i]!.value;
    return true;
  });
}

function valueAxis(scale: ParetoData['scale'], points: readonly ParetoPoint[]): Axis {
  const lows = points.map(({ value, margin = 0 }) => value - margin);
  const highs = points.map(({ value, margin = 0 }) => value + margin);
  if (scale === 'similarity') {
    const values = points.map(({ value }) => value);
    const imperfect = values.filter((value) => value < 1);
    return similarityAxis(Math.min(...values, 0.9999), Math.max(...imperfect, Math.min(...values)), AREA.bottom, AREA.top);
  }
  if (scale === 'decibels') return decibelAxis(Math.min(...finite(lows)), Math.max(...finite(highs)), AREA.bottom, AREA.top);
  const [low, high] = [Math.min(...lows), Math.max(...highs)];
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  return linearAxis({ from: low - room, to: high + room, start: AREA.bottom, end: AREA.top }, (value) => String(value));
}

/** At least one, so that there is an axis where all is exact. */
function finite(values: readonly number[]): number[] {
  const found = values.filter(Number.isFinite);
  return found.length === 0 ? [0] : found;
}

/** Ticks of sizes are round: `20 MB`, not `20.00 MB`. */
function sizeLabel(bytes: number): string {
  return formatBytes(bytes).replace(/\.00 |(\.\d)0 /, '$1 ');
}
