import { readFileSync, writeSync } from 'node:fs';
import { checkMutant, type Ending } from './check.ts';
import { makeMutant } from './mutant.ts';
import { SEEDS } from './seeds.ts';

/** What the worker tells: the case that it starts, or how one ended that was not in order. One JSON value a line. */
export type Message = { start: number } | { index: number; format: string; what: string } | { ended: string } | { done: true };

/** What the parent gives as JSON in the first argument. */
export interface Work {
  seed: number;
  /** Cases to run: from, from + step, ... below `to`. */
  from: number;
  to: number;
  step: number;
  /** Paths of large models. */
  models: string[];
  /** Most megabytes that a case may add to the process, and most milliseconds that it may take. */
  megabytes: number;
  milliseconds: number;
}

// Written at once: of a process that hangs, nothing that waits in a stream would ever arrive.
const tell = (message: Message): void => void writeSync(1, `${JSON.stringify(message)}\n`);

function work({ seed, from, to, step, models, megabytes, milliseconds }: Work): void {
  const small = Object.values(SEEDS).map((build) => build());
  const large = models.map((path) => new Uint8Array(readFileSync(path)));
  const all = [...small, ...large];
  let peak = process.resourceUsage().maxRSS;
  for (let index = from; index < to; index += step) {
    tell({ start: index });
    const mutant = makeMutant(seed, index, all, large.length);
    // Of the processor: a machine that others use too is no hang.
    const started = process.cpuUsage();
    const before = process.memoryUsage.rss() / 1024;
    const ending = checkMutant(mutant);
    const { user, system } = process.cpuUsage(started);
    const took = (user + system) / 1000;
    // The peak only ever rises, so it says something of this case only when this case raised it.
    const raised = process.resourceUsage().maxRSS;
    const grown = raised > peak ? (raised - Math.min(before, peak)) / 1024 : 0;
    peak = Math.max(peak, raised);
    const problem = problemOf(ending) ?? (took > milliseconds ? `It took ${Math.round(took)} ms.` : grown > megabytes ? `It took ${Math.round(grown)} MB more.` : undefined);
    if (problem !== undefined) tell({ index, format: mutant.options.format, what: problem });
    const key = ending.outcome === 'refused' ? ending.code : ending.outcome;
    tell({ ended: key });
  }
  tell({ done: true });
}

function problemOf(ending: Ending): string | undefined {
  return ending.outcome === 'failed' ? ending.what : undefined;
}

work(JSON.parse(process.argv[2]!) as Work);
