import type { ModelReport } from '../../../types.ts';
import { firstVisitLines } from '../../first-visit.ts';
import { purposeOf } from '../../purpose.ts';
import { formatBytes, formatChange, formatCosine, formatShare } from '../../size.ts';
import { lowestCosine, type ModelGroup } from '../../groups.ts';
import { html, type Markup, type Part } from '../markup.ts';
import { table, type Cell, type Column } from '../table.ts';

/** The figures at the top, and a line for each artefact. */
export function summary(groups: readonly ModelGroup[]): Markup {
  const reports = groups.flatMap((group) => group.reports);
  const before = total(groups.map(({ reports: [first] }) => first!.source.bytes));
  const broken = reports.filter(isBroken).length;
  const judged = reports.filter(isJudged).length;
  const smallest = total(groups.map((group) => Math.min(...group.reports.map(({ artefact }) => artefact.bytes))));
  const tiles: [string, Part, string][] = [
    [groups.length === 1 ? 'model' : 'models', groups.length, ''],
    ['before', formatBytes(before), ''],
    [reports.length > groups.length ? 'smallest artefacts' : 'after', formatBytes(smallest), formatChange(before, smallest)],
    ['budgets', judged === 0 ? 'none' : broken === 0 ? `✓ ${judged} held` : `✗ ${broken} of ${judged} broken`, ''],
  ];
  const rows = groups.flatMap((group) => group.reports.map((report) => ({ group, report })));
  return html`<div class="tiles">${tiles.map(([name, figure, note]) => html`<div class="tile${name === 'budgets' && broken > 0 ? ' bad' : ''}"><b>${figure}</b><span>${name}${note !== '' && html` <i>${note}</i>`}</span></div>`)}</div>
${firstVisitLines(reports).map((line) => html`<p class="visit">${line}</p>`)}${rows.length > 8 && html`<p><label>Show only <input type="search" id="filter" placeholder="part of a name"></label></p>`}${table('Artefacts', COLUMNS, rows)}`;
}

interface Row {
  group: ModelGroup;
  report: ModelReport;
}

const COLUMNS: readonly Column<Row>[] = [
  { name: 'model', cell: ({ group }) => html`<a href="#${group.id}">${group.name}</a>`, wrap: true },
  { name: 'for', cell: ({ report }) => purposeOf(report) },
  { name: 'format', cell: ({ report }) => [report.format, report.format !== report.requestedFormat && html` <small>asked ${report.requestedFormat}</small>`] },
  { name: 'before', cell: ({ report }) => bytesCell(report.source.bytes), right: true },
  { name: 'after', cell: ({ report }) => bytesCell(report.artefact.bytes), right: true },
  { name: 'change', cell: ({ report }) => ({ content: formatChange(report.source.bytes, report.artefact.bytes), value: report.artefact.ratio }), right: true },
  { name: 'gzip', cell: ({ report }) => optionalBytes(report.artefact.compressed?.gzip), right: true },
  { name: 'brotli', cell: ({ report }) => optionalBytes(report.artefact.compressed?.brotli), right: true },
  { name: 'lowest cosine', cell: ({ report }) => cosineCell(report), right: true },
  { name: 'same answer', cell: ({ report }) => top1Cell(report), right: true },
  { name: 'latency', cell: ({ report: { latency } }) => (latency === undefined ? '' : { content: `${latency.ratio.latency.ratio.toFixed(2)} ×`, value: latency.ratio.latency.ratio }), right: true },
  { name: 'budget', cell: ({ report }) => budgetCell(report) },
];

/** True for an artefact that breaks a limit, or is worse than its baseline. */
export function isBroken({ budget, baseline = [] }: ModelReport): boolean {
  return budget.some(({ held }) => !held) || baseline.some(({ verdict }) => verdict === 'regressed');
}

function budgetCell(report: ModelReport): Part {
  const { budget, baseline = [] } = report;
  const broken = [...budget.filter(({ held }) => !held).map(({ limit }) => limit), ...baseline.filter(({ verdict }) => verdict === 'regressed').map(({ what }) => `${what} of the baseline`)];
  if (broken.length > 0) return html`<strong class="bad">✗ ${broken.join(', ')}</strong>`;
  return isJudged(report) && html`<span class="good">✓ held</span>`;
}

function isJudged({ budget, baseline }: ModelReport): boolean {
  return budget.length > 0 || baseline !== undefined;
}

function bytesCell(bytes: number): Cell {
  return { content: formatBytes(bytes), value: bytes };
}

function optionalBytes(bytes: number | undefined): Cell | '' {
  return bytes === undefined ? '' : bytesCell(bytes);
}

function cosineCell(report: ModelReport): Cell | '' {
  const cosine = lowestCosine(report);
  return cosine === null ? '' : { content: [formatCosine(cosine), report.accuracy?.synthetic && html`<abbr title="measured on generated input">*</abbr>`], value: cosine };
}

function top1Cell({ accuracy }: ModelReport): Cell | '' {
  const shares = (accuracy?.outputs ?? []).flatMap(({ top1Agreement }) => (top1Agreement === null ? [] : [top1Agreement]));
  return shares.length === 0 ? '' : { content: formatShare(Math.min(...shares)), value: Math.min(...shares) };
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
