/** The page's only program: sorts tables by a click on a column's name, and filters models. Without it everything can be read all the same. */
export const SCRIPT = `
for (const table of document.querySelectorAll('table[data-sortable]')) {
  const body = table.tBodies[0];
  if (body.rows.length < 2) continue;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener('click', () => sort(body, head, column));
  });
}
function sort(body, head, column) {
  const keys = new Map([...body.rows].map((row) => {
    const cell = row.cells[column];
    const value = cell.dataset.value;
    return [row, value === undefined ? cell.textContent : value === '' ? NaN : Number(value)];
  }));
  const before = head.getAttribute('aria-sort');
  const down = before === null ? [...keys.values()].some((key) => typeof key === 'number') : before === 'ascending';
  for (const other of head.parentElement.cells) other.removeAttribute('aria-sort');
  head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
  const compare = (a, b) => typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
  body.append(...[...body.rows].sort((a, b) => {
    const [left, right] = [keys.get(a), keys.get(b)];
    if (Number.isNaN(left) || Number.isNaN(right)) return Number.isNaN(left) - Number.isNaN(right);
    return down ? compare(right, left) : compare(left, right);
  }));
}
const filter = document.getElementById('filter');
filter?.addEventListener('input', () => {
  const wanted = filter.value.toLowerCase();
  for (const section of document.querySelectorAll('section[data-model]')) section.hidden = !section.dataset.model.toLowerCase().includes(wanted);
  for (const row of document.querySelector('main table').tBodies[0].rows) row.hidden = !row.cells[0].textContent.toLowerCase().includes(wanted);
});
addEventListener('hashchange', unfold);
unfold();
function unfold() {
  const details = document.getElementById(location.hash.slice(1))?.querySelectorAll('details.artefact');
  if (details?.length === 1) details[0].open = true;
}
`.trim();
