import { open } from 'node:fs/promises';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { systemErrorCode } from '../../errors.ts';
import { matchesEtag, parseRange } from './byte-range.ts';

export interface ArtefactServerOptions {
  /** Path that URLs of artefacts begin with, such as `/@quantize/`. */
  prefix: string;
  /** The file of an artefact of this process, by its SHA-256. Nothing else is served. */
  find(sha256: string): string | undefined;
  /** Headers that the dev server adds to every response. */
  headers?: OutgoingHttpHeaders | undefined;
}

export type Middleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;

/**
 * Serves artefacts at `prefix + sha256 + '/' + any name + '.onnx'` with Content-Length, ETag, ranges and 304. The URL holds the hash of
 * the content, so that a browser may keep it for ever.
 */
export function artefactServer({ prefix, find, headers = {} }: ArtefactServerOptions): Middleware {
  return (request, response, next) => {
    const { url = '' } = request;
    if (!url.startsWith(prefix)) {
      next();
      return;
    }
    const [, sha256 = ''] = /^([0-9a-f]{64})\/[^/?#]+\.onnx(?:\.gz)?(?:\?.*)?$/.exec(url.slice(prefix.length)) ?? [];
    const file = find(sha256);
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(name, value);
    if (file === undefined) refuse(response, 404, 'There is no such model in this dev server. Reload the page.');
    else if (request.method !== 'GET' && request.method !== 'HEAD') refuse(response, 405, 'Only GET and HEAD are answered here.', { Allow: 'GET, HEAD' });
    else sendFile(request, response, file, `"${sha256}"`).catch(next);
  };
}

async function sendFile(request: IncomingMessage, response: ServerResponse, file: string, etag: string): Promise<void> {
  const handle = await open(file).catch((error: unknown) => {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (handle === undefined) {
    refuse(response, 404, 'The model has gone from the cache. Restart the dev server.');
    return;
  }
  try {
    const { size } = await handle.stat();
    const { 'if-none-match': ifNoneMatch, 'if-range': ifRange, range: header } = request.headers;
    response.setHeader('ETag', etag);
    response.setHeader('Cache-Control', 'public, max-age=31536000, immutable');
    response.setHeader('Accept-Ranges', 'bytes');
    if (matchesEtag(ifNoneMatch, etag)) {
      response.writeHead(304).end();
      return;
    }
    // A range of another version would not fit what the client has.
    const range = ifRange === undefined || ifRange === etag ? parseRange(header, size) : undefined;
    if (range === null) {
      refuse(response, 416, 'The file is shorter.', { 'Content-Range': `bytes */${size}` });
      return;
    }
    const { start, end } = range ?? { start: 0, end: size - 1 };
    response.writeHead(range ? 206 : 200, {
      'Content-Type': 'application/octet-stream',
      'Content-Length': end - start + 1,
      ...(range && { 'Content-Range': `bytes ${start}-${end}/${size}` }),
    });
    if (request.method === 'HEAD') response.end();
    else await pipeline(handle.createReadStream({ start, end, autoClose: false }), response).catch(ignoreAbort);
  } finally {
    await handle.close();
  }
}

/** A page that is reloaded gives up its downloads; that is no error of the server. */
function ignoreAbort(error: unknown): void {
  if (systemErrorCode(error) !== 'ERR_STREAM_PREMATURE_CLOSE' && systemErrorCode(error) !== 'ECONNRESET' && systemErrorCode(error) !== 'EPIPE') throw error;
}

function refuse(response: ServerResponse, status: number, message: string, headers: OutgoingHttpHeaders = {}): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store', ...headers }).end(message);
}
