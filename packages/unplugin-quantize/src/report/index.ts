export { formatDecisions } from './decisions.ts';
export { reportJson } from './json.ts';
export { formatBytes, formatChange, formatCosine, formatShare } from './size.ts';
export { formatTable, type TableOptions } from './table.ts';
export { alignColumns, displayWidth, printable } from './text.ts';
