import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, sep } from 'node:path';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.wasm': 'application/wasm',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
};

/** Headers that make a page cross-origin isolated, which threads need. */
export const ISOLATED: Record<string, string> = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};

export interface RunningServer {
  /** Such as `http://localhost:40123`, without a slash at the end. */
  origin: string;
  /** Paths asked for so far, without queries. */
  requests: string[];
  close(): Promise<void>;
}

export interface StaticServerOptions {
  /** Sent with every answer; `ISOLATED` for instance. */
  headers?: Record<string, string>;
  /** Path prefix under which the folder is served, with slashes on both ends. */
  base?: string;
  /** Answers instead of the folder where it returns true. */
  handle?: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Answers unknown paths with index.html and 200, as hosts of single-page apps do. */
  fallback?: boolean;
}

/** Serves a folder on a free port of localhost. */
export function serveFolder(folder: string, options: StaticServerOptions = {}): Promise<RunningServer> {
  const { headers = {}, base = '/', handle, fallback = false } = options;
  const index = join(folder, 'index.html');
  return serve(async (request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    if (handle?.(request, response)) return;
    const found = (await fileOf(folder, base, request.url ?? '/')) ?? (fallback ? index : null);
    if (found === null) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('not found');
      return;
    }
    response.setHeader('content-type', TYPES[extname(found)] ?? 'application/octet-stream');
    response.setHeader('content-length', (await stat(found)).size);
    createReadStream(found).pipe(response);
  });
}

/** Starts a server with any request listener on a free port of localhost. */
export async function serve(listener: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>): Promise<RunningServer> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push((request.url ?? '/').replace(/\?.*/s, ''));
    Promise.resolve(listener(request, response)).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, 'localhost', resolve);
  });
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}

/** The file that a request path means, inside the folder; null when there is none. */
async function fileOf(folder: string, base: string, url: string): Promise<string | null> {
  const path = decodeURIComponent(url.replace(/[?#].*/s, ''));
  if (!path.startsWith(base)) return null;
  const file = normalize(join(folder, path.slice(base.length), path.endsWith('/') ? 'index.html' : ''));
  if (!file.startsWith(normalize(folder) + sep)) return null;
  const found = await stat(file).catch(() => null);
  return found?.isFile() ? file : null;
}
