import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { reportHtml, reportJson } from '../../report/index.ts';
import type { ModelReport } from '../../types.ts';
import type { Middleware } from './artefact-server.ts';

export interface ReportPageOptions {
  /** Path of the page, with a slash at its end. */
  path: string;
  /** The models that were asked for so far, with a closer look at their weights. */
  reports(): Promise<readonly ModelReport[]>;
  /** Headers that the dev server adds to every response. */
  headers?: OutgoingHttpHeaders | undefined;
}

const TYPES: Record<'' | 'quantize-report.json', { type: string; write(reports: readonly ModelReport[]): string }> = {
  '': { type: 'text/html; charset=utf-8', write: reportHtml },
  'quantize-report.json': { type: 'application/json; charset=utf-8', write: reportJson },
};

/** Answers with the report of this dev server's models. Nothing is read from a path: there are two addresses, and every other one is unknown. */
export function reportPage({ path, reports, headers = {} }: ReportPageOptions): Middleware {
  return (request, response, next) => {
    const [address = ''] = (request.url ?? '').split('?');
    if (address === path.slice(0, -1)) response.writeHead(302, { Location: path }).end();
    else if (address.startsWith(path)) answer(request, response, address.slice(path.length), reports, headers).catch(next);
    else next();
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, name: string, reports: ReportPageOptions['reports'], headers: OutgoingHttpHeaders): Promise<void> {
  for (const [header, value] of Object.entries(headers)) if (value !== undefined) response.setHeader(header, value);
  const kind = Object.hasOwn(TYPES, name) ? TYPES[name as keyof typeof TYPES] : undefined;
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  if (kind === undefined || !isRead) {
    response.writeHead(kind === undefined ? 404 : 405, { 'Content-Type': 'text/plain; charset=utf-8' }).end(kind === undefined ? 'There is no such page.' : 'Only GET and HEAD are answered here.');
    return;
  }
  const body = kind.write(await reports());
  response.writeHead(200, {
    'Content-Type': kind.type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    'Content-Security-Policy': "frame-ancestors 'none'",
    'X-Content-Type-Options': 'nosniff',
  }).end(request.method === 'HEAD' ? undefined : body);
}
