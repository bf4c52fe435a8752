import model from '@ricky0123/vad-web/dist/silero_vad_v5.onnx?quantize';
import { createSession } from 'unplugin-quantize/runtime';
import sampleUrl from './assets/sample.wav';
import { listen, windowsOf } from './page/sound.ts';
import { drawTimeline } from './page/timeline.ts';
import { createDetector, SAMPLE_RATE, WINDOW } from './vad/detector.ts';
import { findSpeech } from './vad/segments.ts';
import './style.css';

const SECONDS_PER_WINDOW = WINDOW / SAMPLE_RATE;

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const timeline = element<HTMLCanvasElement>('timeline');
const microphone = element<HTMLButtonElement>('microphone');

/** Counts what is listened to, so that an old file stops when something new is chosen. */
let current = 0;
let stopListening: (() => Promise<void>) | undefined;

const ready = createSession(model, {
  onProgress: ({ share }) => say(`Loading the model: ${Math.round(100 * (share ?? 0))} %`),
  onFallback: ({ backend, reason }) => console.info(`${backend} is not used: ${reason}`),
});
ready.then(({ backend, variant }) => {
  element('backend').textContent = backend;
  element('bytes').textContent = `${((variant?.bytes ?? 0) / 1e6).toFixed(2)} MB (${variant?.format})`;
}, fail);

element<HTMLInputElement>('file').addEventListener('change', ({ target }) => {
  const [file] = (target as HTMLInputElement).files ?? [];
  if (file !== undefined) void analyse(file).catch(fail);
});
microphone.addEventListener('click', () => void toggleMicrophone().catch(fail));
void fetch(sampleUrl)
  .then((response) => response.blob())
  .then(analyse)
  .catch(fail);

async function analyse(file: Blob): Promise<void> {
  const mine = ++current;
  setState('busy');
  const [session, windows] = await Promise.all([ready, windowsOf(file)]);
  say('Listening…');
  const detector = createDetector(session);
  const probabilities: number[] = [];
  const start = performance.now();
  for (const window of windows) {
    probabilities.push(await detector.hear(window));
    if (mine !== current) return;
  }
  element('time').textContent = `${((performance.now() - start) / windows.length).toFixed(1)} ms`;
  show(probabilities);
  setState('ready');
}

async function toggleMicrophone(): Promise<void> {
  if (stopListening !== undefined) {
    await stopListening();
    stopListening = undefined;
    microphone.textContent = 'Use the microphone';
    return;
  }
  ++current;
  const detector = createDetector(await ready);
  const probabilities: number[] = [];
  // Windows that come faster than they are heard wait for each other.
  let last = Promise.resolve();
  stopListening = await listen((window) => {
    last = last
      .then(async () => {
        probabilities.push(await detector.hear(window));
        show(probabilities);
      })
      .catch(fail);
  });
  microphone.textContent = 'Stop';
}

function show(probabilities: readonly number[]): void {
  drawTimeline(timeline, probabilities);
  const segments = findSpeech(probabilities, SECONDS_PER_WINDOW);
  element('segments').replaceChildren(
    ...segments.map(({ from, to }) => Object.assign(document.createElement('li'), { textContent: `${from.toFixed(2)} s to ${to.toFixed(2)} s` })),
  );
  say(segments.length === 0 ? 'Nobody speaks.' : `Somebody speaks ${segments.length === 1 ? 'once' : `${segments.length} times`}.`);
}

function fail(error: unknown): void {
  console.error(error);
  element('error').textContent = error instanceof Error ? error.message : String(error);
  setState('failed');
}

/** `data-state` tells style sheets and tests how far the page is. */
function setState(state: 'busy' | 'ready' | 'failed'): void {
  document.documentElement.dataset['state'] = state;
}

function say(words: string): void {
  element('status').textContent = words;
}
