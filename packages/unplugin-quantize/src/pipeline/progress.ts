import type { OnProgress } from './steps/calibrate.ts';
import type { PipelineEvent } from './events.ts';
import type { MeasureProgress } from './steps/measure.ts';

/**
 * Turns numbers of samples done into events with an estimate of the time left: what the others will take if they take as long as those done.
 */
export function progressTeller(tell: (event: PipelineEvent) => void, model: string, now: () => number = Date.now): OnProgress {
  return stepTeller(tell, model, 'calibrate', now);
}

/** The same for measuring, which compares samples first and then lets an evaluator run. */
export function measureTeller(tell: (event: PipelineEvent) => void, model: string, now: () => number = Date.now): (progress: MeasureProgress) => void {
  const tellers = { measure: stepTeller(tell, model, 'measure', now), evaluate: stepTeller(tell, model, 'evaluate', now) };
  return ({ step, done, of }) => tellers[step](done, of);
}

export function stepTeller(tell: (event: PipelineEvent) => void, model: string, step: 'calibrate' | 'measure' | 'evaluate' | 'sensitivity', now: () => number = Date.now): (done: number, of: number | null) => void {
  // Counted from the first sample on: what came before it was the model being read and loaded.
  let first: { done: number; at: number } | undefined;
  return (done, of) => {
    first ??= { done, at: now() };
    if (done === first.done) return;
    const each = (now() - first.at) / (done - first.done);
    tell({ kind: 'progress', model, step, done, of, secondsLeft: of === null ? null : Math.max(0, ((of - done) * each) / 1000) });
  };
}
