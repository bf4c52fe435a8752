import type { Batcher, RunArguments, RunResults } from './host.ts';
import type { BatchOptions, Tensor } from './types.ts';
import { readCall, sharesInputs, type Call } from './batch-call.ts';
import type { BatchLayout } from './batch-layout.ts';
import { stack, unstack } from './batch-tensors.ts';

type Run = (args: RunArguments) => Promise<RunResults>;

interface Waiting extends Call {
  resolve(results: RunResults): void;
  reject(error: unknown): void;
}

/** Calls that will be one run. */
interface Group {
  calls: Waiting[];
  rows: number;
  /** Whether its oldest call has waited long enough. */
  isDue: boolean;
  timer: ReturnType<typeof setTimeout>;
}

/**
 * Puts calls that come at about the same time into one run. A group runs when it is full, or when its oldest call has waited for `maxDelay`; one at a
 * time, so that groups go on filling while the engine computes. A run of several calls that fails is repeated call by call: an error reaches those
 * whose inputs cause it.
 */
export function createBatcher(run: Run, layout: BatchLayout, { maxSize, maxDelay }: Required<BatchOptions>): Batcher {
  /** The oldest first. */
  const groups: Group[] = [];
  let isBusy = false;
  let isFlushed = false;

  function join(call: Waiting): Group {
    const fitting = groups.find(({ calls, rows }) => rows + call.rows <= maxSize && calls[0]!.key === call.key && sharesInputs(calls[0]!, call, layout));
    const group = fitting ?? open();
    group.calls.push(call);
    group.rows += call.rows;
    if (isReady(group)) start();
    return group;
  }

  function open(): Group {
    const group: Group = { calls: [], rows: 0, isDue: isFlushed, timer: setTimeout(() => afterInput(due), maxDelay) };
    const due = (): void => {
      group.isDue = true;
      start();
    };
    groups.push(group);
    return group;
  }

  function leave(group: Group, call: Waiting): void {
    if (!groups.includes(group)) return;
    group.calls.splice(group.calls.indexOf(call), 1);
    group.rows -= call.rows;
    if (group.calls.length === 0) remove(group);
  }

  function remove(group: Group): void {
    clearTimeout(group.timer);
    groups.splice(groups.indexOf(group), 1);
  }

  const isReady = ({ isDue, rows }: Group): boolean => isDue || rows >= maxSize;

  function start(): void {
    const group = isBusy ? undefined : groups.find(isReady);
    if (group === undefined) return;
    remove(group);
    isBusy = true;
    void runGroup(group.calls, run, layout).then(() => {
      isBusy = false;
      afterInput(start);
    });
  }

  return {
    run(args, signal) {
      const call = readCall(args, layout);
      if (call === null || call.rows >= maxSize) return run(args);
      return new Promise((resolve, reject) => {
        const settled = (): void => signal?.removeEventListener('abort', stop);
        const waiting: Waiting = { ...call, resolve: (results) => (settled(), resolve(results)), reject: (error) => (settled(), reject(error)) };
        const group = join(waiting);
        const stop = (): void => {
          leave(group, waiting);
          waiting.reject(signal?.reason);
        };
        signal?.addEventListener('abort', stop);
      });
    },
    flush() {
      isFlushed = true;
      for (const group of groups) group.isDue = true;
      start();
    },
  };
}

/** In Node an engine computes in the thread that reads requests: those that came meanwhile are read before the next group is chosen. */
function afterInput(task: () => void): void {
  if (globalThis.setImmediate === undefined) task();
  else setImmediate(task);
}

/** Settles every call; never rejects. */
async function runGroup(calls: Waiting[], run: Run, layout: BatchLayout): Promise<void> {
  try {
    if (calls.length === 1) return calls[0]!.resolve(await run(argumentsOf(calls[0]!)));
    const results = await runMerged(calls, run, layout);
    for (const [i, call] of calls.entries()) call.resolve(results[i]!);
  } catch (error) {
    if (calls.length === 1) return calls[0]!.reject(error);
    for (const call of calls) await run(argumentsOf(call)).then(call.resolve, call.reject);
  }
}

/** @throws Error where the model does not give a row for each row */
async function runMerged(calls: readonly Waiting[], run: Run, layout: BatchLayout): Promise<RunResults[]> {
  const [first] = calls;
  const feeds = Object.entries(first!.feeds).map(([name, tensor]) => [name, layout.inputs.has(name) ? stack(calls.map((call) => call.feeds[name]) as [Tensor]) : tensor] as const);
  const merged = await run(argumentsOf({ ...first!, feeds: Object.fromEntries(feeds) }));
  const rows = calls.map((call) => call.rows);
  const total = rows.reduce((sum, count) => sum + count, 0);
  const results = calls.map((): RunResults => ({}));
  for (const [name, tensor] of Object.entries(merged)) {
    if (tensor.dims[0] !== total) throw new Error(`Output "${name}" has ${tensor.dims[0]} rows in place of ${total}`);
    for (const [i, part] of (await unstack(tensor, rows)).entries()) results[i]![name] = part;
  }
  return results;
}

function argumentsOf({ feeds, fetches }: Call): RunArguments {
  return fetches === undefined ? [feeds] : [feeds, fetches];
}
