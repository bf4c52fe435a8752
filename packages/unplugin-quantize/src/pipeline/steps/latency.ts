import type { Feeds } from '../../calibrate/index.ts';
import { ENERGY_BASIS, inTurn, speedFigures, speedRatios, takeTurns, type TurnTimes } from '../../evaluate/index.ts';
import type { EnergyEstimate, EngineName, LatencyReport } from '../../types.ts';
import type { FirstFeeds } from './first-feeds.ts';
import { startTimedProcess, type TimedProcess } from '../workers/timed-process.ts';

export interface TimedFile {
  /** How errors call it. */
  name: string;
  /** Absolute path. */
  path: string;
  /** Options that its format needs. */
  sessionOptions: Record<string, unknown>;
}

export interface LatencyTask {
  engine: EngineName;
  /** Threads of one run in onnxruntime-node; the engine's own choice unless given. */
  threads?: number | undefined;
  feeds: Feeds;
  /** About how long the models run in turn; six rounds at least. */
  seconds?: number | undefined;
  /** Whether to estimate energy too. */
  energy?: boolean | undefined;
}

/** One model's part of what was measured. */
export interface TimedResult {
  times: TurnTimes;
  /** Null where the engine gives no profile. */
  energy: EnergyEstimate | null;
}

export const LATENCY_SECONDS = 5;

/**
 * Times models in turn, each in a process of its own (`takeTurns`): one after another on the first sample, so that what else the machine does
 * slows all of them down alike.
 *
 * @throws QuantizeError ENGINE_MISSING, ENGINE_REJECTED, WORKER_FAILED
 */
export function timeModels(files: readonly TimedFile[], task: LatencyTask): Promise<TimedResult[]> {
  return oneAtATime(() => timeInTurn(files, task));
}

/** Measurements of several models would disturb each other. */
const oneAtATime = inTurn();

async function timeInTurn(files: readonly TimedFile[], { engine, threads, feeds, seconds = LATENCY_SECONDS, energy = true }: LatencyTask): Promise<TimedResult[]> {
  const processes: TimedProcess[] = [];
  try {
    for (const { name, path, sessionOptions } of files) {
      const options = { ...sessionOptions, ...(threads !== undefined && { intraOpNumThreads: threads }) };
      processes.push(await startTimedProcess({ engine, model: path, sessionOptions: options, feeds }, name));
    }
    const times = await takeTurns(processes, seconds);
    const results: TimedResult[] = [];
    for (const [i, process] of processes.entries()) results.push({ times: times[i]!, energy: energy ? await process.energy() : null });
    return results;
  } finally {
    for (const process of processes) process.end();
  }
}

/**
 * Latency, load time, memory and an estimate of energy of source and artefact, side by side.
 *
 * @throws QuantizeError ENGINE_MISSING, ENGINE_REJECTED, WORKER_FAILED
 */
export async function measureLatency(source: TimedFile, artefact: TimedFile, first: FirstFeeds, options: Pick<LatencyTask, 'threads' | 'seconds'> = {}): Promise<LatencyReport> {
  const { engine, engineVersion, feeds, rows, synthetic } = first;
  const [a, b] = (await timeModels([source, artefact], { engine, feeds, ...options })) as [TimedResult, TimedResult];
  return {
    engine, engineVersion, synthetic,
    // WebAssembly runs with one thread here.
    threads: engine === 'onnxruntime-web' ? 1 : (options.threads ?? null),
    rounds: a.times.rounds.length,
    source: speedFigures(a.times, rows),
    artefact: speedFigures(b.times, rows),
    ratio: speedRatios(a.times, b.times),
    ...energyOf(a.energy, b.energy),
  };
}

function energyOf(source: EnergyEstimate | null, artefact: EnergyEstimate | null): Pick<LatencyReport, 'energy'> {
  if (source === null || artefact === null) return {};
  const total = ({ arithmetic, memory }: EnergyEstimate): number => arithmetic + memory;
  return { energy: { source, artefact, ratio: total(artefact) / Math.max(1, total(source)), basis: ENERGY_BASIS } };
}
