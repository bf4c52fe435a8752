import { lookAt, type Answer } from './direction.ts';
import { drawLine } from './draw-line.ts';

const canvas = document.querySelector('canvas')!;
const checkbox = document.querySelector('input')!;

/** Shows what the model says, now and whenever the line is turned over. */
export function showAnswers(): void {
  checkbox.addEventListener('change', () => void show());
  void show();
}

/** Asks the model in this browser and the one on the server. */
async function show(): Promise<void> {
  const place = document.querySelector('#answers')!;
  place.replaceChildren();
  const pixels = drawLine(canvas, checkbox.checked);
  const asked = fetch('/direction', { method: 'POST', body: pixels, headers: { 'content-type': 'application/octet-stream' } });
  const browser = await lookAt(pixels);
  place.replaceChildren(paragraph('browser', browser), paragraph('server', (await (await asked).json()) as Answer));
}

function paragraph(id: string, { upsideDown, backend, sha256 }: Answer): HTMLElement {
  const element = Object.assign(document.createElement('p'), { id, textContent: `${id} (${backend}): ` });
  element.append(Object.assign(document.createElement('output'), { textContent: String(upsideDown) }));
  Object.assign(element.dataset, { sha256, backend });
  return element;
}
