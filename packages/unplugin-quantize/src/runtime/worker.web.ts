/** The inside of a worker that `createSession` is given: importing this module is all that the worker's file has to do. */
import { webHost } from './host.web.ts';
import { openSession } from './session.ts';
import type { RunArguments, RunResults } from './host.ts';
import type { QuantizeSession } from './types.ts';
import { packError, type Answer, type OpenMessage, type Request, type RunRequest, type SentTensor } from './worker-messages.ts';

addEventListener('message', ({ data }: MessageEvent<OpenMessage | null>) => {
  if (data?.unpluginQuantize === 'open') void serve(data);
});

async function serve({ model, options, tellsFallbacks, port }: OpenMessage): Promise<void> {
  const answer = (message: Answer, transfer: Transferable[] = []): void => port.postMessage(message, transfer);
  answer({ heard: true });
  const controller = new AbortController();
  let session: QuantizeSession | undefined;
  port.addEventListener('message', ({ data }: MessageEvent<Request>) => {
    if (data.call === 'abort') controller.abort();
    else if (data.call === 'run' || data.call === 'release') void handle(data);
    else session?.[data.call]();
  });
  port.start();

  async function handle(request: RunRequest | { call: 'release'; id: number }): Promise<void> {
    const { id } = request;
    try {
      if (request.call === 'release') {
        await session?.release();
        answer({ id, released: true });
        return port.close();
      }
      const results = await run(session!, request);
      const { backend, variant } = session!;
      answer({ id, results, state: { backend, variant } }, buffersOf(results));
    } catch (error) {
      answer({ id, error: packError(error) });
    }
  }

  try {
    session = await openSession(webHost, model, {
      ...options,
      signal: controller.signal,
      onProgress: (progress) => answer({ progress }),
      onWarning: (warning) => answer({ warning }),
      onFallback: tellsFallbacks ? (fallback) => answer({ fallback }) : undefined,
    });
    const { backend, variant, inputNames, outputNames, inputMetadata, outputMetadata } = session;
    answer({ opened: { backend, variant, inputNames, outputNames, inputMetadata, outputMetadata } });
  } catch (error) {
    answer({ id: null, error: packError(error) });
    port.close();
  }
}

async function run(session: QuantizeSession, { feeds, fetches, options }: RunRequest): Promise<Record<string, SentTensor>> {
  const tensors = Object.fromEntries(Object.entries(feeds).map(([name, tensor]) => [name, { ...tensor, location: 'cpu' }]));
  const rest = [fetches, options].filter((argument) => argument !== undefined);
  const results = await (session.run as (...args: RunArguments) => Promise<RunResults>)(...([tensors, ...rest] as unknown as RunArguments));
  const sent: Record<string, SentTensor> = {};
  for (const [name, tensor] of Object.entries(results)) {
    sent[name] = { type: tensor.type, dims: tensor.dims, data: (await tensor.getData()) as SentTensor['data'] };
    if (tensor.location !== 'cpu') tensor.dispose();
  }
  return sent;
}

/** Outputs are copies of the engine's own memory, one buffer each, so that they need not be copied again. */
function buffersOf(tensors: Record<string, SentTensor>): Transferable[] {
  return [...new Set(Object.values(tensors).flatMap(({ data }) => (Array.isArray(data) ? [] : [data.buffer])))];
}
