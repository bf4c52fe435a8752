import type { RgbaImage } from '../ocr/image.ts';
import type { TextPiece } from '../ocr/recognise.ts';

const SVG = 'http://www.w3.org/2000/svg';

/** Empties the list and fits the overlay to a new image. */
export function clearResult(list: HTMLOListElement, overlay: SVGSVGElement, image: RgbaImage): void {
  list.replaceChildren();
  overlay.replaceChildren();
  overlay.setAttribute('viewBox', `0 0 ${image.width} ${image.height}`);
}

/** Adds a piece to the list and its box to the overlay; pointing at one lights up both. */
export function showPiece(list: HTMLOListElement, overlay: SVGSVGElement, piece: TextPiece): void {
  const item = document.createElement('li');
  const words = document.createElement('span');
  words.textContent = piece.text;
  const confidence = document.createElement('small');
  confidence.textContent = `${Math.round(piece.confidence * 100)} %`;
  confidence.title = 'Mean probability of the characters';
  item.append(words, confidence);
  list.append(item);

  const { left, top, right, bottom } = piece.box;
  const rect = document.createElementNS(SVG, 'rect');
  const attributes = { x: left, y: top, width: right - left, height: bottom - top, rx: 3 };
  for (const [name, value] of Object.entries(attributes)) rect.setAttribute(name, String(value));
  overlay.append(rect);

  for (const one of [item, rect]) {
    one.addEventListener('pointerenter', () => light(true));
    one.addEventListener('pointerleave', () => light(false));
  }

  function light(on: boolean): void {
    item.classList.toggle('lit', on);
    rect.classList.toggle('lit', on);
  }
}
