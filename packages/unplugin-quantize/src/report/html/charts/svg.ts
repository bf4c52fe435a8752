import { html, type Markup, type Part } from '../markup.ts';

/** A drawing that readers of screens get as one picture with a name. Colours come from classes, so that they follow the page's. */
export function drawing(width: number, height: number, title: string, parts: readonly Part[], className = 'chart'): Markup {
  return html`<svg class="${className}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${title}"><title>${title}</title>${parts}</svg>`;
}

/** Coordinates with one decimal: finer ones are not seen and take room. */
export function at(value: number): number {
  return Math.round(value * 10) / 10;
}

export function line(x1: number, y1: number, x2: number, y2: number, className: string): Markup {
  return html`<line class="${className}" x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}"/>`;
}

export function label(x: number, y: number, text: string, anchor: 'start' | 'middle' | 'end' = 'start', className = 'tick'): Markup {
  return html`<text class="${className}" x="${at(x)}" y="${at(y)}" text-anchor="${anchor}">${text}</text>`;
}

export function rect(x: number, y: number, width: number, height: number, className: string, title?: string): Markup {
  return html`<rect class="${className}" x="${at(x)}" y="${at(y)}" width="${at(Math.max(0, width))}" height="${at(Math.max(0, height))}">${title !== undefined && html`<title>${title}</title>`}</rect>`;
}
