import { createHash, randomFillSync } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serve, type RunningServer } from '../../../../test/support/static-server.ts';
import { download } from './download.ts';
import { RuntimeError } from './errors.ts';
import { openHttp } from './resume.ts';
import type { LoadOptions, ModelFile, Progress } from './types.ts';

/** Not a model: the download looks at no more than the first bytes, the size and the hash. */
const body = randomFillSync(new Uint8Array(300_000));
body[0] = 8;
const sha256 = createHash('sha256').update(body).digest('hex');
const page = '<!DOCTYPE html><html><body>index</body></html>';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;
const send =
  (headers: Record<string, string | number>, data: Uint8Array | string, status = 200): Answer =>
  (response) => {
    response.writeHead(status, headers).end(data);
  };

const answers: Record<string, Answer> = {
  '/model': send({ 'content-length': body.length }, body),
  '/chunked': send({ 'content-type': 'application/octet-stream' }, body),
  '/gzip': send({ 'content-encoding': 'gzip', 'content-length': gzipSync(body).length }, gzipSync(body)),
  '/html-type': send({ 'content-type': 'text/html; charset=utf-8' }, page),
  '/html-bytes': send({ 'content-type': 'application/octet-stream' }, `\uFEFF\n  ${page.toLowerCase()}`),
  '/lfs': send({}, 'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n'),
  '/xml': send({}, '<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>'),
  '/empty': send({}, ''),
  '/no-content': send({}, '', 204),
  '/missing': send({ 'content-type': 'text/html' }, page, 404),
  '/forbidden': send({}, 'no', 403),
  '/short': send({}, body.subarray(0, 200_000)),
  '/long': send({}, Buffer.concat([body, body])),
  '/changed': send({}, body.map((byte, i) => (i === 1234 ? byte ^ 1 : byte))),
  '/cut': (response) => {
    response.writeHead(200, { 'content-length': body.length });
    response.write(body.subarray(0, 150_000), () => response.destroy());
  },
  '/stalls': (response) => {
    response.writeHead(200, { 'content-length': body.length });
    response.write(body.subarray(0, 100_000));
  },
  '/html-in-pieces': (response) => {
    response.writeHead(200);
    response.write('<!DOC');
    setTimeout(() => response.end('TYPE html><title>x</title>'), 30);
  },
};

let server: RunningServer;
beforeAll(async () => {
  server = await serve((request, response) => answers[request.url ?? '']?.(response, request));
});
afterAll(() => server.close());

const known = (path: string): ModelFile => ({ url: server.origin + path, bytes: body.length, sha256 });
const bare = (path: string): ModelFile => ({ url: server.origin + path, bytes: null, sha256: null });
const get = (file: ModelFile, options: LoadOptions = {}) => download(openHttp, file, { onWarning: expect.unreachable, retryDelay: 1, ...options });

describe('download', () => {
  it.each(['/model', '/chunked', '/gzip'])('%s: gives the bytes; progress only rises, knows the total and ends at 1', async (path) => {
    const reports: Progress[] = [];
    const bytes = await get(known(path), { onProgress: (progress) => reports.push(progress) });
    expect(Buffer.compare(bytes, body)).toBe(0);
    expect(bytes.buffer).toBeInstanceOf(ArrayBuffer);
    expect(bytes.buffer.byteLength).toBe(body.length);
    expect(reports.length).toBeGreaterThan(1);
    expect(reports.every(({ total }) => total === body.length)).toBe(true);
    for (const [i, report] of reports.entries()) {
      expect(report.loaded).toBeGreaterThan(reports[i - 1]?.loaded ?? 0);
      expect(report.share).toBe(report.loaded / body.length);
    }
    expect(reports.at(-1)).toEqual({ loaded: body.length, total: body.length, share: 1 });
  });

  it.each([
    ['/model', body.length],
    ['/chunked', null],
    ['/gzip', null],
  ])('%s as a bare URL: the total is %s until the end', async (path, total) => {
    const reports: Progress[] = [];
    const bytes = await get(bare(path), { onProgress: (progress) => reports.push(progress) });
    expect(Buffer.compare(bytes, body)).toBe(0);
    expect(bytes.buffer.byteLength).toBe(body.length);
    expect(reports[0]?.total).toBe(total);
    expect(reports[0]?.share).toBe(total === null ? null : (reports[0]?.loaded ?? 0) / total);
    expect(reports.at(-1)).toEqual({ loaded: body.length, total: body.length, share: 1 });
  });

  it('copes with a length that proves too small', async () => {
    const open = async () => ({ ...(await openHttp(known('/chunked').url, {}, true)), length: 1000 });
    const reports: Progress[] = [];
    const bytes = await download(open, bare('/chunked'), { onProgress: (progress) => reports.push(progress) });
    expect(Buffer.compare(bytes, body)).toBe(0);
    expect(reports[0]).toMatchObject({ total: null, share: null });
    expect(reports.at(-1)?.share).toBe(1);
  });

  it.each([
    ['/html-type', 'NOT_A_MODEL', ['200', 'HTML']],
    ['/html-bytes', 'NOT_A_MODEL', ['200', 'HTML']],
    ['/html-in-pieces', 'NOT_A_MODEL', ['200', 'HTML']],
    ['/lfs', 'NOT_A_MODEL', ['Git LFS', 'git lfs pull']],
    ['/xml', 'NOT_A_MODEL', ['XML']],
    ['/empty', 'NOT_A_MODEL', ['empty']],
    ['/no-content', 'NOT_A_MODEL', ['204', 'empty']],
    ['/missing', 'HTTP_ERROR', ['404', 'base']],
    ['/forbidden', 'HTTP_ERROR', ['403']],
    ['/short', 'SIZE_MISMATCH', ['200000', '300000']],
    ['/long', 'SIZE_MISMATCH', ['more than 300000']],
    ['/changed', 'HASH_MISMATCH', [sha256]],
    ['/cut', 'NETWORK_ERROR', ['broke off']],
  ])('%s is refused as %s', async (path, code, words) => {
    const error: unknown = await get(known(path)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RuntimeError);
    expect(error).toMatchObject({ code, url: server.origin + path });
    for (const word of [...words, path]) expect((error as RuntimeError).message).toContain(word);
  });

  it('says so when nobody answers', async () => {
    const closed = await serve(() => {});
    await closed.close();
    await expect(get({ ...known('/model'), url: `${closed.origin}/model` })).rejects.toMatchObject({ code: 'NETWORK_ERROR', cause: expect.any(Error) });
  });

  it('rejects with the reason of the signal when aborted before the request, while it waits and in mid-download', async () => {
    const reason = new Error('the user left');
    await expect(get(known('/model'), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);

    const waiting = new AbortController();
    setTimeout(() => waiting.abort(reason), 20);
    await expect(get(known('/stalls'), { signal: waiting.signal })).rejects.toBe(reason);

    const midway = new AbortController();
    const reports: Progress[] = [];
    const onProgress = (progress: Progress) => {
      reports.push(progress);
      midway.abort(reason);
    };
    await expect(get(known('/model'), { signal: midway.signal, onProgress })).rejects.toBe(reason);
    expect(reports.at(-1)?.loaded).toBeLessThan(body.length);
    expect(reports).toHaveLength(1);
  });

  it('ends the connection when a progress handler throws', async () => {
    let closed: Promise<void> | undefined;
    const watched = await serve((_request, response) => {
      closed = new Promise((resolve) => {
        response.on('close', resolve);
      });
      response.writeHead(200, { 'content-length': body.length }).write(body.subarray(0, 1000));
    });
    const onProgress = () => {
      throw new Error('page bug');
    };
    await expect(get({ ...known('/'), url: watched.origin }, { onProgress })).rejects.toThrow('page bug');
    await closed;
    await watched.close();
  });
});
