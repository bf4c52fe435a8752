import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { RuntimeError } from 'unplugin-quantize/runtime';
import { loadDirection, type Direction } from './direction.ts';
import { NotAPicture } from './input.ts';

const PORT = Number(process.env['PORT'] ?? 3000);
/** Lines that are looked at in one run, those that come within some milliseconds; 1: none waits for another. */
const BATCH = Number(process.env['BATCH'] ?? 16);
const BATCH_DELAY = 5;
/** Lines that may wait before clients are sent away for a while. */
const MAX_QUEUE = Number(process.env['MAX_QUEUE'] ?? 256);
const RETRY_AFTER_SECONDS = '1';
const LARGEST_BODY = 10_000_000;
/** Milliseconds that answers under way have when the service is to end. */
const PATIENCE = 10_000;

const log = (line: string): void => console.error(line);
const batch = BATCH > 1 ? { maxSize: BATCH, maxDelay: BATCH_DELAY } : undefined;
const direction = await loadDirection({ batch, maxQueue: MAX_QUEUE }, log);
const server = createServer((request, response) => void answer(direction, request, response));
server.listen(PORT, () => {
  const address = server.address();
  log(`Listening on port ${typeof address === 'object' ? address?.port : address}, on ${direction.backend}`);
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void shutDown(server, direction, signal));

/** POST /direction with a PNG of a line of text; GET /health. */
async function answer(direction: Direction, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const reply = (status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body)}\n`);
  };
  try {
    if (request.method === 'GET' && request.url === '/health') return reply(200, { backend: direction.backend });
    if (request.method !== 'POST' || request.url !== '/direction') return reply(404, { error: 'POST a PNG to /direction' });
    const png = await readBody(request);
    if (png === undefined) return reply(413, { error: `The image is larger than ${LARGEST_BODY} bytes` });
    const gone = new AbortController();
    response.once('close', () => gone.abort(new Error('The client has gone')));
    reply(200, { upsideDown: await direction.upsideDown(png, gone.signal) });
  } catch (error) {
    if (response.destroyed) return;
    if (error instanceof RuntimeError && error.code === 'QUEUE_FULL') return sendAway(response);
    if (error instanceof NotAPicture) return reply(400, { error: error.message });
    log(`${request.method} ${request.url}: ${String(error)}`);
    reply(500, { error: 'The line could not be looked at' });
  }
}

/** Back-pressure: a client that is told to come back costs next to nothing, one that waits costs memory and time of all others. */
function sendAway(response: ServerResponse): void {
  response.writeHead(503, { 'content-type': 'application/json', 'retry-after': RETRY_AFTER_SECONDS }).end('{"error":"Busy"}\n');
}

/** Undefined when there is too much of it. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LARGEST_BODY) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** Takes no more requests, answers those under way, ends the session; the process then has nothing left to do. */
async function shutDown(server: Server, direction: Direction, signal: string): Promise<void> {
  log(`${signal}: shutting down`);
  const impatient = setTimeout(() => server.closeAllConnections(), PATIENCE);
  await new Promise((resolve) => {
    server.close(resolve);
    server.closeIdleConnections();
  });
  clearTimeout(impatient);
  await direction.close();
  log('Done');
}
