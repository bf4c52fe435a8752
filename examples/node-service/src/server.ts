import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { loadDirection, type Direction } from './direction.ts';

const PORT = Number(process.env['PORT'] ?? 3000);
const LARGEST_BODY = 10_000_000;
/** Milliseconds that answers under way have when the service is to end. */
const PATIENCE = 10_000;

const log = (line: string): void => console.error(line);
const direction = await loadDirection(log);
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
    const probability = await direction.upsideDown(png).catch((error: unknown) => reply(400, { error: String(error) }));
    if (typeof probability === 'number') reply(200, { upsideDown: probability });
  } catch (error) {
    log(`${request.method} ${request.url}: ${String(error)}`);
    response.destroy();
  }
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
