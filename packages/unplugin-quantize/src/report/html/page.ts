import { createHash } from 'node:crypto';
import type { ModelReport } from '../../types.ts';
import { sortReports } from '../json.ts';
import { groupByModel } from '../groups.ts';
import { html, type Markup } from './markup.ts';
import { SCRIPT } from './script.ts';
import { modelSection } from './sections/model.ts';
import { summary } from './sections/summary.ts';
import { STYLE } from './style.ts';

/** Up to this many models are unfolded from the start. */
const UNFOLDED = 3;
/** Weights of all tables together: a page of more opens slowly. */
const ROWS = 6_000;
const FEWEST_ROWS = 40;

/**
 * quantize-report.html: one file that needs no network and no other file. Texts of models are escaped, and a content security policy
 * lets nothing run but the page's own script, by its hash. The same reports give the same bytes.
 */
export function reportHtml(reports: readonly ModelReport[]): string {
  const groups = groupByModel(sortReports(reports));
  const open = groups.length <= UNFOLDED;
  const rows = Math.max(FEWEST_ROWS, Math.floor(ROWS / Math.max(1, reports.length)));
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy()}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Quantize report</title>
<link rel="icon" href="data:,">
<style>${raw(STYLE)}</style>
</head>
<body>
<header><h1>Quantize report</h1></header>
<main>
${groups.length === 0 ? html`<p>No model was quantized.</p>` : summary(groups)}
${groups.map((group) => modelSection(group, { open, rows }))}
</main>
<script>${raw(SCRIPT)}</script>
</body>
</html>
`;
  return page.markup;
}

function policy(): string {
  return `default-src 'none'; img-src data:; style-src '${hashOf(STYLE)}'; script-src '${hashOf(SCRIPT)}'; base-uri 'none'; form-action 'none'`;
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}

/** Of constants of this package only. */
function raw(markup: string): Markup {
  return { markup };
}
