/** Dynamic batching; loaded on demand: few apps ask for it. */
import type { QuantizedModel } from '../types.ts';
import { RuntimeError } from './errors.ts';
import type { Batcher, Opened, RunArguments, RunResults } from './host.ts';
import type { BatchOptions, CreateSessionOptions } from './types.ts';
import { createBatcher } from './batcher.ts';
import { namedLayout, notBatchable, type BatchLayout } from './batch-layout.ts';

const DEFAULTS: Required<BatchOptions> = { maxSize: 16, maxDelay: 5 };

/** Longest delay in milliseconds that timers know. */
const LONGEST_DELAY = 2 ** 31 - 1;

/**
 * Finds out whether calls of a model can be run as one.
 * @returns makes a batcher in front of a session's `run`
 * @throws RuntimeError OPTION_INVALID, NOT_BATCHABLE; the session is released then
 */
export async function openBatching(opened: Opened, model: QuantizedModel | string, options: CreateSessionOptions): Promise<(run: (args: RunArguments) => Promise<RunResults>) => Batcher> {
  try {
    const asked = settingsOf(options.batch ?? {});
    const layout = await findLayout(opened, typeof model === 'string' ? null : (model.canary ?? null));
    const alone = layout.outputNames.filter((name) => !layout.outputs.has(name));
    if (alone.length === layout.outputNames.length) throw notBatchable(`no output is known to have a row for each row of the inputs: ${alone.join(', ')}`);
    if (alone.length > 0) {
      const { onWarning = console.warn } = options;
      onWarning(`Calls that ask for the outputs ${alone.join(', ')} are run one by one, because these have no row for each row of the inputs; name the others as fetches.`);
    }
    return (run) => createBatcher(run, layout, asked);
  } catch (error) {
    await opened.release();
    throw error;
  }
}

async function findLayout({ session, run, variant }: Opened, canary: QuantizedModel['canary']): Promise<BatchLayout> {
  const named = namedLayout(session);
  if (!canary) return named;
  const { probedLayout } = await import('./batch-probe.ts');
  return probedLayout(run, named, canary, variant?.format ?? 'none');
}

/** @throws RuntimeError OPTION_INVALID */
function settingsOf(batch: BatchOptions): Required<BatchOptions> {
  const unknown = Object.keys(batch).find((key) => !(key in DEFAULTS));
  if (unknown !== undefined) throw invalid(`has no option "${unknown}", only ${Object.keys(DEFAULTS).join(' and ')}`);
  const { maxSize = DEFAULTS.maxSize, maxDelay = DEFAULTS.maxDelay } = batch;
  if (!Number.isInteger(maxSize) || maxSize < 2) throw invalid(`.maxSize must be a whole number from 2, not ${maxSize}`);
  if (!(maxDelay >= 0 && maxDelay <= LONGEST_DELAY)) throw invalid(`.maxDelay must be milliseconds from 0, not ${maxDelay}`);
  return { maxSize, maxDelay };
}

function invalid(what: string): RuntimeError {
  return new RuntimeError('OPTION_INVALID', `batch ${what}`.replace(' .', '.'));
}
