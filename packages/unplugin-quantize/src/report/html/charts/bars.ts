import { html, type Markup } from '../markup.ts';
import { drawing, label, line, rect } from './svg.ts';

export interface Bar {
  name: string;
  value: number;
  text: string;
  /** Colour: the source's, or the artefact's. */
  of: 'source' | 'artefact';
  /** End of a thin line behind the bar, such as a 95th percentile. */
  reach?: number;
}

const ROW = 24;
const NAMES = 104;
const WIDTH = 480;
const TEXTS = 150;

/** Horizontal bars from zero, with their values at the end. */
export function barChart(title: string, bars: readonly Bar[]): Markup {
  const most = Math.max(...bars.map(({ value, reach = 0 }) => Math.max(value, reach)), Number.MIN_VALUE);
  const room = WIDTH - NAMES - TEXTS;
  const rows = bars.map(({ name, value, text, of, reach }, row) => {
    const y = row * ROW + 4;
    const end = NAMES + (value / most) * room;
    const far = reach === undefined ? end : NAMES + (reach / most) * room;
    return html`${label(NAMES - 8, y + 12, name, 'end', 'bar-name')}${rect(NAMES, y, Math.max(1, end - NAMES), 16, of)}${
      far > end && [line(end, y + 8, far, y + 8, 'reach'), line(far, y + 4, far, y + 12, 'reach')]}${label(Math.max(end, far) + 6, y + 12, text, 'start', 'bar-text')}`;
  });
  return drawing(WIDTH, bars.length * ROW + 4, `${title}: ${bars.map(({ name, text }) => `${name} ${text}`).join(', ')}`, rows, 'bars');
}
