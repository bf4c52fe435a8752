import { LEAST_PAIRS } from './ratio.ts';

/** A model in a process of its own. */
export interface TimedModel {
  /** Creates the session; milliseconds. */
  open(): Promise<number>;
  /** Runs the model again and again for some milliseconds, at least twice; milliseconds of each run but the first. */
  burst(milliseconds: number): Promise<number[]>;
  /** Bytes that the process held before the model was loaded, and the most that it has held since. */
  memory(): Promise<{ idle: number; peak: number }>;
  /** Releases the session; the process stays. */
  close(): Promise<void>;
}

/** What one model showed; round i of one model was beside round i of the others. */
export interface TurnTimes {
  loads: number[];
  /** Times of runs, a list for each round. */
  rounds: number[][];
  memory: { idle: number; peak: number };
}

/** A burst is long enough for caches to fill again, and short enough that what slows the machine down meets all models. */
const BURST_MS = 80;
const MOST_ROUNDS = 40;

/**
 * Lets models take turns on a machine that other work may slow down: each round every model runs for a moment, in an order that turns around from
 * round to round. Only one works at any time. Memory is read before the models are loaded again to time loads.
 *
 * @param seconds about how long the rounds take together; slow models get six rounds all the same
 */
export async function takeTurns(models: readonly TimedModel[], seconds: number): Promise<TurnTimes[]> {
  const results = models.map((): TurnTimes => ({ loads: [], rounds: [], memory: { idle: 0, peak: 0 } }));
  const each = async (isBackward: boolean, work: (model: TimedModel, result: TurnTimes) => Promise<void>): Promise<void> => {
    const order = isBackward ? models.toReversed() : models;
    for (const model of order) await work(model, results[models.indexOf(model)]!);
  };

  await each(false, async (model, { loads }) => void loads.push(await model.open()));
  // Threads, caches and the engine's arena warm up.
  await each(false, async (model) => void (await model.burst(BURST_MS)));
  const end = performance.now() + 1000 * seconds;
  for (let round = 0; round < LEAST_PAIRS || (round < MOST_ROUNDS && performance.now() < end); round++) {
    await each(round % 2 === 1, async (model, { rounds }) => void rounds.push(await model.burst(BURST_MS)));
  }
  await each(false, async (model, result) => void (result.memory = await model.memory()));
  for (let load = 1; load < LEAST_PAIRS; load++) {
    await each(load % 2 === 1, async (model, { loads }) => {
      await model.close();
      loads.push(await model.open());
    });
  }
  return results;
}
