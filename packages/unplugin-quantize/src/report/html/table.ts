import { html, type Markup, type Part } from './markup.ts';

export interface Cell {
  content: Part;
  /** What rows are sorted by; the content where it is a text. Null sorts last. */
  value?: number | null;
}

export interface Column<Row> {
  name: string;
  cell(row: Row): Part | Cell;
  /** Numbers line up at the right. */
  right?: boolean;
  /** Long names may break anywhere. */
  wrap?: boolean;
}

/** A table whose columns a click sorts; columns that are empty in every row are left out. */
export function table<Row>(caption: string, columns: readonly Column<Row>[], rows: readonly Row[]): Markup {
  const cells = columns.map(({ cell }) => rows.map((row) => asCell(cell(row))));
  const shown = columns.map((_, i) => i).filter((i) => cells[i]!.some(({ content }) => content !== '' && content !== null && content !== undefined && content !== false));
  const classOf = (i: number): string => [columns[i]!.right && 'right', columns[i]!.wrap && 'wrap'].filter(Boolean).join(' ');
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${caption}"><table data-sortable><caption class="hidden">${caption}</caption><thead><tr>${
    shown.map((i) => html`<th scope="col" class="${classOf(i)}">${columns[i]!.name}</th>`)}</tr></thead><tbody>${
    rows.map((_, row) => html`<tr>${shown.map((i) => {
      const { content, value } = cells[i]![row]!;
      return html`<td class="${classOf(i)}"${value !== undefined && html` data-value="${value === null ? '' : value}"`}>${content}</td>`;
    })}</tr>\n`)}</tbody></table></div>`;
}

function asCell(cell: Part | Cell): Cell {
  return typeof cell === 'object' && cell !== null && 'content' in cell ? cell : { content: cell };
}
