import { parentPort } from 'node:worker_threads';
import type { Feeds, SampleTensor } from '../../calibrate/index.ts';
import { findFirstEngine, inTurn, requireEngine, type ModelFile, type RunModel, type SessionOptions } from '../../evaluate/index.ts';
import type { EngineName, ValueSignature } from '../../types.ts';
import { outcomeOf } from './transport.ts';

/** What a thread that runs one model can be asked for, in the order of asking. */
export type EngineRequest =
  | { call: 'find' }
  | { call: 'open'; model: ModelFile; options: SessionOptions | undefined }
  | { call: 'run'; feeds: Feeds; wanted: readonly string[] | undefined }
  | { call: 'close' };

export interface EngineAnswers {
  find: { engines: { name: EngineName; version: string }[]; missing: { engine: EngineName; reason: string }[] };
  open: { inputs: ValueSignature[]; outputs: ValueSignature[] };
  run: Record<string, SampleTensor>;
  close: undefined;
}

const found = findFirstEngine();
const next = inTurn();
let session: RunModel | undefined;

// Entry of a worker thread: each request is answered by one message.
parentPort!.on('message', (request: EngineRequest) => void next(() => answer(request)));

async function answer(request: EngineRequest): Promise<void> {
  const outcome = await outcomeOf<unknown>(() => HANDLERS[request.call](request as never));
  const buffers = request.call === 'run' && outcome.ok ? ownBuffers(outcome.value as EngineAnswers['run']) : [];
  parentPort!.postMessage(outcome, buffers);
  if (request.call === 'close') parentPort!.close();
}

const HANDLERS: { [Call in keyof EngineAnswers]: (request: Extract<EngineRequest, { call: Call }>) => Promise<EngineAnswers[Call]> } = {
  async find() {
    const { engines, missing } = await found;
    return { engines: engines.map(({ name, version }) => ({ name, version })), missing };
  },
  async open({ model, options }) {
    session = await requireEngine(await found).open(model, options);
    return { inputs: session.inputs, outputs: session.outputs };
  },
  run: ({ feeds, wanted }) => session!.run(feeds, wanted),
  async close() {
    await session?.close();
    return undefined;
  },
};

/** The memory of results, which goes over to the reader in place of a copy. */
function ownBuffers(results: Record<string, SampleTensor>): ArrayBuffer[] {
  const whole = Object.values(results).flatMap(({ data }) => (ArrayBuffer.isView(data) && data.byteLength === data.buffer.byteLength && data.buffer instanceof ArrayBuffer ? [data.buffer] : []));
  return [...new Set(whole)];
}
