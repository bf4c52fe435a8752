export { printable } from '../printable.ts';

const MARK = /\p{Mark}/u;
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** Columns that a text takes in a terminal: combining marks none, CJK and emoji two. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += MARK.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/**
 * Pads the cells of each column to the same width, two spaces apart, without trailing spaces. A column whose cells are empty in
 * every row is left out.
 *
 * @param right indices of columns that are aligned to the right
 * @param paint colours a cell after its width is known
 */
export function alignColumns(rows: readonly (readonly string[])[], right: readonly number[] = [], paint: (cell: string, column: number, row: number) => string = (cell) => cell): string[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, column) => Math.max(0, ...rows.map((row) => displayWidth(row[column] ?? ''))));
  const columns = widths.flatMap((width, column) => (width > 0 ? [column] : []));
  return rows.map((row, rowIndex) => {
    const last = columns.findLast((column) => (row[column] ?? '') !== '');
    const cells = columns.filter((column) => last !== undefined && column <= last).map((column) => {
      const cell = row[column] ?? '';
      const padding = ' '.repeat(widths[column]! - displayWidth(cell));
      const painted = cell === '' ? '' : paint(cell, column, rowIndex);
      if (right.includes(column)) return padding + painted;
      return column === last ? painted : painted + padding;
    });
    return cells.join('  ');
  });
}
