import { formatBytes } from '../report/index.ts';
import type { PipelineEvent } from './events.ts';

/** A line on a terminal that tells how far the work has come; nothing elsewhere, and nothing in CI. */
export interface ProgressLine {
  show(event: PipelineEvent): void;
  /** Takes the line away. */
  clear(): void;
}

/** Erases the line that the cursor is in, and goes to its beginning. */
export const ERASE = '\x1b[2K\r';

/** Whether a line that changes can be shown. */
export function isShown(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY && env['CI'] === undefined;
}

export function progressLine(stream: NodeJS.WriteStream = process.stderr, env: NodeJS.ProcessEnv = process.env): ProgressLine {
  if (!isShown(stream, env)) return { show: () => undefined, clear: () => undefined };
  return {
    show(event) {
      if (event.kind === 'progress') stream.write(`${ERASE}${progressText(event)}`);
    },
    clear: () => void stream.write(ERASE),
  };
}

const STEPS = { calibrate: ['calibrating', 'samples'], measure: ['comparing', 'samples'], evaluate: ['evaluating', 'runs'], sensitivity: ['looking for sensitive weights', 'weights'] } as const;

export function progressText({ step, done, of, secondsLeft }: Extract<PipelineEvent, { kind: 'progress' }>): string {
  const [doing, unit] = STEPS[step];
  return `${doing}: ${done}${of === null ? '' : ` of ${of}`} ${unit}${secondsLeft === null ? '' : `, ${timeText(secondsLeft)} left`}`;
}

/** What a build had of its shared cache, for people and for logs. */
export function sharedText({ name, counts: { found, missed, uploaded, uploadedBytes } }: Extract<PipelineEvent, { kind: 'shared' }>): string {
  return `shared cache ${name}: ${found} results found, ${missed} not, ${uploaded} put there (${formatBytes(uploadedBytes)})`;
}

function timeText(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
