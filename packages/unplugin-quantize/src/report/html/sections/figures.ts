import type { ModelReport } from '../../../types.ts';
import { formatBytes, formatChange } from '../../size.ts';
import { barChart, type Bar } from '../charts/bars.ts';
import { html, type Markup } from '../markup.ts';

/** Sizes before and after, as they are and as they travel. */
export function sizes({ source, artefact }: ModelReport): Markup {
  const bar = (name: string, value: number, of: Bar['of'], before?: number): Bar =>
    ({ name, value, of, text: [formatBytes(value), before === undefined ? '' : formatChange(before, value)].filter(Boolean).join('  ') });
  const both = (name: string, before: number | undefined, after: number | undefined): Bar[] =>
    [...(before === undefined ? [] : [bar(`${name} before`, before, 'source')]), ...(after === undefined ? [] : [bar(`${name} after`, after, 'artefact', before)])];
  return html`<h4>Size</h4>${barChart('Size', [
    bar('before', source.bytes, 'source'),
    bar('after', artefact.bytes, 'artefact', source.bytes),
    ...both('gzip', source.compressed?.gzip, artefact.compressed?.gzip),
    ...both('brotli', source.compressed?.brotli, artefact.compressed?.brotli),
  ])}`;
}

/** Times of source and artefact, where they were measured. */
export function latency({ latency: measured }: ModelReport): Markup | '' {
  if (measured === undefined) return '';
  const { source, artefact, ratio, engine, engineVersion, threads, energy } = measured;
  const time = (name: string, value: number, of: Bar['of'], p95?: number): Bar =>
    ({ name, value, of, text: `${milliseconds(value)}${p95 === undefined ? '' : `, p95 ${milliseconds(p95)}`}`, ...(p95 !== undefined && { reach: p95 }) });
  return html`<h4>Speed <small>${engine} ${engineVersion}${threads !== null && `, ${threads === 1 ? 'one thread' : `${threads} threads`}`}</small></h4>${
    barChart('Time of one run', [time('run before', source.median, 'source', source.p95), time('run after', artefact.median, 'artefact', artefact.p95)])}${
    barChart('Time to load', [time('load before', source.load, 'source'), time('load after', artefact.load, 'artefact')])}${
    barChart('Peak memory', [{ name: 'memory before', value: source.peakMemory, of: 'source', text: formatBytes(source.peakMemory) }, { name: 'memory after', value: artefact.peakMemory, of: 'artefact', text: formatBytes(artefact.peakMemory) }])}<p>One run takes ${
    ratio.latency.ratio.toFixed(2)} × the time of the source (95 % interval ${ratio.latency.low.toFixed(2)} to ${ratio.latency.high.toFixed(2)}).${
    energy !== undefined && ` Energy, an estimate: ${energy.ratio.toFixed(2)} × (${energy.basis}).`}</p>`;
}

function milliseconds(value: number): string {
  return `${value < 1 ? value.toFixed(3) : value < 100 ? value.toFixed(1) : value.toFixed(0)} ms`;
}
