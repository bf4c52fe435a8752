import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import type { ViteDevServer } from 'vite';

/** What a browser hears from the dev server. */
export interface HmrClient {
  /** Everything received so far. */
  messages: { type: string; err?: { message: string; id?: string; plugin?: string; stack: string } }[];
  /** Waits for a message of the type that has not been waited for. */
  next(type: string): Promise<HmrClient['messages'][number]>;
  close(): void;
}

/** Speaks the WebSocket protocol over a plain socket, because Node 20 has no client. Messages stay below 64 kB and in one frame. */
export async function connectHmr(server: ViteDevServer, port: number): Promise<HmrClient> {
  const headers = { 'Connection': 'Upgrade', 'Upgrade': 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': randomBytes(16).toString('base64'), 'Sec-WebSocket-Protocol': 'vite-hmr' };
  const socket = await new Promise<Socket>((connected, failed) => {
    request({ host: 'localhost', port, path: `${server.config.base}?token=${server.config.webSocketToken}`, headers })
      .on('upgrade', (_, opened) => connected(opened))
      .on('response', ({ statusCode }) => failed(new Error(`The dev server answered ${statusCode}.`)))
      .on('error', failed)
      .end();
  });
  const messages: HmrClient['messages'] = [];
  const waiting = new Set<() => void>();
  let taken = 0;
  let buffer = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (let frame = readFrame(buffer); frame !== undefined; frame = readFrame(buffer)) {
      buffer = buffer.subarray(frame.end);
      messages.push(JSON.parse(frame.text) as HmrClient['messages'][number]);
    }
    waiting.forEach((look) => look());
  });
  return {
    messages,
    next: (type) =>
      new Promise((found) => {
        const look = (): void => {
          const index = messages.findIndex((message, at) => at >= taken && message.type === type);
          if (index === -1) return;
          taken = index + 1;
          waiting.delete(look);
          found(messages[index]!);
        };
        waiting.add(look);
        look();
      }),
    close: () => socket.destroy(),
  };
}

function readFrame(buffer: Buffer): { text: string; end: number } | undefined {
  if (buffer.length < 2) return undefined;
  const short = buffer[1]! & 0x7f;
  const start = short === 126 ? 4 : 2;
  if (buffer.length < start) return undefined;
  const end = start + (short === 126 ? buffer.readUInt16BE(2) : short);
  return buffer.length < end ? undefined : { text: buffer.toString('utf8', start, end), end };
}
