import { readFileSync } from 'node:fs';
import type { Feeds } from '../../calibrate/index.ts';
import { estimateEnergy, findEngines, profileModel, requireEngine, type RunModel, type SessionOptions } from '../../evaluate/index.ts';
import type { EnergyEstimate, EngineName } from '../../types.ts';
import { outcomeOf, type Outcome } from './transport.ts';

/** What a process that times one model is told first. */
export interface TimedTask {
  engine: EngineName;
  /** Absolute path. */
  model: string;
  sessionOptions: SessionOptions;
  feeds: Feeds;
}

/** What it can be asked for, with what it answers. */
export interface TimedAnswers {
  open: number;
  burst: number[];
  memory: { idle: number; peak: number };
  close: void;
  /** Null for engines without a profile. */
  energy: EnergyEstimate | null;
}

export type TimedCalls = { [Call in keyof TimedAnswers]: (milliseconds: number) => Promise<TimedAnswers[Call]> };

export type TimedRequest = { task: TimedTask } | { call: keyof TimedCalls; milliseconds: number };

let calls: TimedCalls | undefined;

// Entry of a child process: requests come one after another, each is answered by one message.
process.on('message', (request: TimedRequest) => void answer(request).then((outcome) => process.send?.(outcome)));

async function answer(request: TimedRequest): Promise<Outcome<unknown>> {
  return outcomeOf(async () => {
    if ('task' in request) calls = await prepare(request.task);
    else return calls![request.call](request.milliseconds);
  });
}

async function prepare({ engine: name, model, sessionOptions, feeds }: TimedTask): Promise<TimedCalls> {
  const engine = requireEngine(await findEngines(), name, 'Latency cannot be measured');
  const idle = process.memoryUsage.rss();
  let session: RunModel | undefined;
  return {
    async open() {
      const start = performance.now();
      session = await engine.open(model, sessionOptions);
      return performance.now() - start;
    },
    burst: (milliseconds) => burst(session!, feeds, milliseconds),
    memory: async () => ({ idle, peak: peakMemory() }),
    async close() {
      await session?.close();
      session = undefined;
    },
    energy: async () => (engine.name === 'onnxruntime-node' ? estimateEnergy(await profileModel(engine, model, feeds, sessionOptions)) : null),
  };
}

async function burst(session: RunModel, feeds: Feeds, milliseconds: number): Promise<number[]> {
  const times: number[] = [];
  const end = performance.now() + milliseconds;
  while (times.length < 2 || performance.now() < end) {
    const start = performance.now();
    await session.run(feeds);
    times.push(performance.now() - start);
  }
  // Others had the caches before the first one.
  return times.slice(1);
}

/** Linux counts what the parent held before it started this program into maxRSS; its own file tells of this program alone. */
function peakMemory(): number {
  const whole = process.resourceUsage().maxRSS * 1024;
  if (process.platform !== 'linux') return whole;
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return kilobytes === undefined ? whole : Number(kilobytes) * 1024;
}
