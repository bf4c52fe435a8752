import sampleUrl from './assets/sample.png';
import { loadReader } from './models.ts';
import type { LoadedReader } from './models.ts';
import { joinText, recognise } from './ocr/recognise.ts';
import type { TextPiece } from './ocr/recognise.ts';
import { onImageChosen } from './page/choose.ts';
import { element } from './page/elements.ts';
import { duration, megabytes } from './figures.ts';
import { paint } from './page/paint.ts';
import { drawPicture } from './page/picture.ts';
import { clearResult, showPiece } from './page/result.ts';
import './style.css';

const precision = new URLSearchParams(location.search).has('fp32') ? 'fp32' : 'quantized';
const canvas = element('canvas', HTMLCanvasElement);
const boxes = element('boxes', SVGSVGElement);
const lines = element('lines', HTMLOListElement);
const status = element('status', HTMLElement);
const alarm = element('error', HTMLElement);
const progress = element('progress', HTMLProgressElement);
const copy = element('copy', HTMLButtonElement);

let text = '';
/** Counts images, so that reading an old one stops when a new one is chosen. */
let current = 0;

element(`use-${precision}`, HTMLAnchorElement).setAttribute('aria-current', 'page');
onImageChosen(element('file', HTMLInputElement), element('drop', HTMLElement), (file) => void read(file));
copy.addEventListener('click', () => void navigator.clipboard.writeText(text).then(() => say('Copied.'), fail));

const ready = load();
// `read` tells of a failure; until it waits for the models this is no unhandled rejection.
ready.catch(() => undefined);
void fetch(sampleUrl).then((response) => response.blob()).then(read, fail);

async function load(): Promise<LoadedReader> {
  const start = performance.now();
  const loaded = await loadReader(precision, (bytes, total) => {
    progress.value = bytes / total;
    say(`Loading the models: ${megabytes(bytes)} of ${megabytes(total)}`);
  });
  progress.classList.add('done');
  figure('load-time', duration(performance.now() - start));
  figure('backend', loaded.backend);
  figure('downloaded', megabytes(loaded.bytes));
  if (loaded.bytes < loaded.sourceBytes) figure('source-size', `of ${megabytes(loaded.sourceBytes)} fp32`);
  return loaded;
}

async function read(file: Blob): Promise<void> {
  const mine = ++current;
  setState('busy');
  try {
    const image = await drawPicture(canvas, file);
    clearResult(lines, boxes, image);
    const { reader } = await ready;
    if (mine !== current) return;
    say('Reading…');
    await paint();
    const start = performance.now();
    const pieces: TextPiece[] = [];
    for await (const piece of recognise(image, reader)) {
      if (mine !== current) return;
      pieces.push(piece);
      showPiece(lines, boxes, piece);
      await paint();
    }
    figure('read-time', duration(performance.now() - start));
    text = joinText(pieces);
    say(pieces.length === 0 ? 'No text was found.' : `${pieces.length} pieces of text.`);
    setState('ready');
  } catch (error) {
    if (mine === current) fail(error);
  }
}

/** `data-state` tells style sheets and tests how far the page is. */
function setState(state: 'busy' | 'ready' | 'failed'): void {
  document.documentElement.dataset.state = state;
  alarm.hidden = state !== 'failed';
  copy.disabled = state !== 'ready';
}

function fail(error: unknown): void {
  console.error(error);
  say('');
  alarm.textContent = error instanceof Error ? error.message : String(error);
  setState('failed');
}

function say(words: string): void {
  status.textContent = words;
}

function figure(id: string, value: string): void {
  element(id, HTMLElement).textContent = value;
}
