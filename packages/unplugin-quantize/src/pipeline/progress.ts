import type { OnProgress } from './calibrate.ts';
import type { PipelineEvent } from './events.ts';

/**
 * Turns numbers of samples done into events with an estimate of the time left: what the others will take if they take as long as those done.
 */
export function progressTeller(tell: (event: PipelineEvent) => void, model: string, now: () => number = Date.now): OnProgress {
  // Counted from the first sample on: what came before it was the model being read and loaded.
  let first: { done: number; at: number } | undefined;
  return (done, of) => {
    first ??= { done, at: now() };
    if (done === first.done) return;
    const each = (now() - first.at) / (done - first.done);
    tell({ kind: 'progress', model, step: 'calibrate', done, of, secondsLeft: Math.max(0, ((of - done) * each) / 1000) });
  };
}
