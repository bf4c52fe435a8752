export { formatDecisions } from './decisions.ts';
export { reportHtml } from './html/page.ts';
export { reportJson } from './json.ts';
export { reportMarkdown } from './markdown/report.ts';
export { parseReport } from './parse-report.ts';
export { REPORT_SCHEMA } from './schema/report-schema.ts';
export { formatBytes, formatChange, formatCosine, formatShare } from './size.ts';
export { formatTable, type TableOptions } from './table.ts';
export { alignColumns, displayWidth, printable } from './text.ts';
