import type { ModelReport } from '../../../types.ts';
import { formatBytes, formatShare } from '../../size.ts';
import { paretoChart } from '../charts/pareto.ts';
import { labelOf, paretoData, type ModelGroup } from '../../groups.ts';
import { html, type Markup, type Part } from '../markup.ts';
import { accuracy, baseline, budget } from './accuracy.ts';
import { latency, sizes } from './figures.ts';
import { isBroken } from './summary.ts';
import { activationHistograms, keptWeights, weightHistograms, weightTable } from './weights.ts';

export interface SectionOptions {
  /** Whether its details are unfolded. */
  open: boolean;
  /** The most weights that one table has. */
  rows: number;
}

/** More artefacts of one model are folded: their plot comes first. */
const MOST_OPEN = 2;

/** Everything about one model. */
export function modelSection(group: ModelGroup, { open, rows }: SectionOptions): Markup {
  const plot = paretoData(group);
  return html`<section id="${group.id}" data-model="${group.name}"><h2>${group.name}</h2>${
    plot !== undefined && html`<details${open && html` open`}><summary>Accuracy against size</summary><p class="quiet">${plot.points.some(({ margin }) => margin !== undefined) && 'Upright lines reach as far as the 95 % interval of the difference to the source. '}The line joins what no other form beats in both.</p><div class="scroll" tabindex="0" role="region" aria-label="Accuracy against size">${paretoChart(`${plot.measure} against size`, plot)}</div></details>`}${
    group.reports.map((report) => html`<details class="artefact"${((open && group.reports.length <= MOST_OPEN) || isBroken(report)) && html` open`}><summary>${labelOf(report, group.reports)} <small>${describe(report)}</small></summary>${artefact(report, rows)}</details>`)}</section>`;
}

function artefact(report: ModelReport, rows: number): Part {
  return [budget(report), baseline(report), sizes(report), accuracy(report), latency(report), integerWork(report), weightHistograms(report), activationHistograms(report), keptWeights(report), weightTable(report, rows), checks(report), notes(report)];
}

function describe({ artefact: { bytes, minOnnxruntime } }: ModelReport): string {
  return `${formatBytes(bytes)}, onnxruntime ${minOnnxruntime} or newer`;
}

function integerWork({ integerShare }: ModelReport): Markup | '' {
  return integerShare === undefined ? '' : html`<p>Integer kernels do ${formatShare(integerShare.share)} of the multiply-adds.</p>`;
}

function checks({ checks: engines }: ModelReport): Markup | '' {
  return engines.length === 0 ? '' : html`<h4>Run once in</h4><ul>${engines.map(({ engine, version, outcome, reason, note }) => html`<li>${[engine, version].filter((part) => part !== null).join(' ')}: ${outcome === 'ran' ? 'ran' : `not run, ${reason ?? ''}`}${note !== undefined && ` (${note})`}</li>`)}</ul>`;
}

function notes({ notes: texts }: ModelReport): Markup | '' {
  return texts.length === 0 ? '' : html`<h4>Notes</h4><ul>${texts.map((text) => html`<li>${text}</li>`)}</ul>`;
}
