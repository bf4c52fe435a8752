import type { Opened } from './host.ts';
import type { Attempts } from './ladder.ts';
import type { Rung } from './rung.ts';
import type { Backend } from './types.ts';

type Timed = Opened & { time?: number };

/** Measured times, once they are known for all backends, make it an ordinary ladder with the fastest on top. */
export async function fastestOf(attempts: Attempts, backends: readonly Backend[]): Promise<Opened | undefined> {
  const rungs: Rung[] = [];
  for (const backend of backends) {
    // A page cannot have both: the first session fixes the threads.
    if (backend === 'wasm' && rungs.some((rung) => rung.backend === 'wasm-threads')) continue;
    const rung = await attempts.prepare(backend);
    if (rung !== undefined) rungs.push(rung);
  }
  const isSettled = rungs.every(({ trial }) => trial === undefined || trial.verdict?.time !== undefined);
  if (isSettled) rungs.sort((a, b) => (a.trial?.verdict?.time ?? Infinity) - (b.trial?.verdict?.time ?? Infinity) || 0);
  let best: Timed | undefined;
  try {
    for (const rung of rungs) {
      const opened = await attempts.open(rung, !isSettled);
      if (opened === undefined) continue;
      if (isSettled) return opened;
      const isFaster = best === undefined || (opened.time ?? Infinity) < (best.time ?? Infinity);
      const slower: Timed | undefined = isFaster ? best : opened;
      if (isFaster) best = opened;
      await slower?.release();
    }
  } catch (error) {
    await best?.release();
    throw error;
  }
  return best;
}
