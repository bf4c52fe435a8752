import { createHash, randomFillSync } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from 'vitest';
import { serve, type RunningServer } from '../../../../test/support/static-server.ts';
import { download } from './download.ts';
import { openHttp } from './resume.ts';
import type { LoadOptions, ModelFile, Progress } from './types.ts';

/** Not a model: the download looks at no more than the first bytes, the size and the hash. */
const body = randomFillSync(new Uint8Array(300_000));
body[0] = 8;
const sha256 = createHash('sha256').update(body).digest('hex');

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

let server: RunningServer;
/** The `Range` and `If-Range` of each request. */
let asked: (string | undefined)[][];
afterEach(() => server.close());

/** A server that gives the answers one after the other, and the last one for ever. */
async function answering(...answers: Answer[]): Promise<void> {
  asked = [];
  server = await serve((request, response) => {
    const { range, 'if-range': ifRange } = request.headers;
    const answer = answers[Math.min(asked.push([range, ifRange as string | undefined]) - 1, answers.length - 1)];
    answer?.(response, request);
  });
}

const whole =
  (headers: Record<string, string> = {}): Answer =>
  (response) =>
    response.writeHead(200, { 'content-length': body.length, ...headers }).end(body);

/** Sends bytes up to a point and breaks off. */
const cut =
  (end: number, headers: Record<string, string> = {}, data: Uint8Array = body): Answer =>
  (response) => {
    response.writeHead(200, { 'content-length': data.length, ...headers });
    response.write(data.subarray(0, end), () => response.destroy());
  };

/** Obeys a range, from the byte that was asked for or another one. */
const rest =
  (headers: Record<string, string> = {}, shift = 0): Answer =>
  (response, request) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1]) + shift;
    const part = body.subarray(from);
    response.writeHead(206, { 'content-range': `bytes ${from}-${body.length - 1}/${body.length}`, 'content-length': part.length, ...headers }).end(part);
  };

const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (response) =>
    response.writeHead(code, headers).end();

const file = (more: Partial<ModelFile> = {}): ModelFile => ({ url: `${server.origin}/m.onnx`, bytes: body.length, sha256, ...more });
const bare = (): ModelFile => file({ bytes: null, sha256: null });
const get = (wanted: ModelFile, options: LoadOptions = {}) => download(openHttp, wanted, { onWarning: expect.unreachable, retryDelay: 1, ...options });

/** Bytes that came before the cut, which the network may have split. */
const FIRST = expect.stringMatching(/^bytes=\d+-$/);

describe('a download that breaks off', () => {
  it('asks for the rest of the same file, and reports each byte once', async () => {
    await answering(cut(120_000, { etag: '"a"' }), cut(0, { etag: '"a"' }), rest({ etag: '"a"' }));
    const reports: Progress[] = [];
    const bytes = await get(file(), { onProgress: (progress) => reports.push(progress) });
    expect(Buffer.compare(bytes, body)).toBe(0);
    expect(asked).toEqual([[undefined, undefined], [FIRST, '"a"'], [FIRST, '"a"']]);
    for (const [i, { loaded }] of reports.entries()) expect(loaded).toBeGreaterThan(reports[i - 1]?.loaded ?? 0);
    expect(reports.at(-1)).toEqual({ loaded: body.length, total: body.length, share: 1 });
  });

  it('names the time of the last change where there is no tag', async () => {
    const time = 'Wed, 01 Jan 2025 00:00:00 GMT';
    await answering(cut(100_000, { 'last-modified': time }), rest({ 'last-modified': time }));
    expect(Buffer.compare(await get(file()), body)).toBe(0);
    expect(asked[1]).toEqual([FIRST, time]);
  });

  it.each([
    ['a weak tag', { etag: 'W/"a"' }],
    ['no tag', {}],
  ] as [string, Record<string, string>][])('starts again with %s and leaves out what is there', async (_, headers) => {
    await answering(cut(100_000, headers), whole(headers));
    expect(Buffer.compare(await get(file()), body)).toBe(0);
    expect(asked[1]).toEqual([undefined, undefined]);
  });

  it('starts again where the host has compressed the answer, whose ranges are not the file’s', async () => {
    const packed = gzipSync(body);
    await answering(cut(packed.length >> 1, { 'content-encoding': 'gzip', etag: '"a"' }, packed), (response) => response.writeHead(200, { 'content-encoding': 'gzip', etag: '"a"' }).end(packed));
    expect(Buffer.compare(await get(file()), body)).toBe(0);
    expect(asked[1]).toEqual([undefined, undefined]);
  });

  it('refuses a mixture of two files', async () => {
    const other = Uint8Array.from(body, (byte, i) => (i > 0 ? byte ^ 1 : byte));
    await answering(cut(100_000, { etag: '"a"' }), (response) => response.writeHead(200, { etag: '"b"' }).end(other));
    await expect(get(file())).rejects.toMatchObject({ code: 'HASH_MISMATCH' });
  });

  it('takes nothing on trust for a bare URL', async () => {
    await answering(cut(100_000, { etag: '"a"' }), whole({ etag: '"b"' }));
    await expect(get(bare())).rejects.toMatchObject({ code: 'NETWORK_ERROR' });
    await server.close();
    await answering(cut(100_000), whole());
    await expect(get(bare())).rejects.toMatchObject({ code: 'NETWORK_ERROR' });
    await server.close();
    await answering(cut(100_000, { etag: '"a"' }), whole({ etag: '"a"' }));
    expect(Buffer.compare(await get(bare()), body)).toBe(0);
  });

  it('refuses a part that begins elsewhere', async () => {
    await answering(cut(100_000, { etag: '"a"' }), rest({ etag: '"a"' }, 5));
    await expect(get(file())).rejects.toMatchObject({ code: 'NETWORK_ERROR' });
  });
});

describe('a server that fails for a while', () => {
  it.each([408, 429, 500, 502, 503, 504])('is asked again after %s', async (code) => {
    await answering(status(code), status(code, { 'retry-after': '0' }), whole());
    expect(Buffer.compare(await get(file()), body)).toBe(0);
    expect(asked).toHaveLength(3);
  });

  it.each([400, 401, 403, 404, 410])('is not asked again after %s', async (code) => {
    await answering(status(code));
    await expect(get(file())).rejects.toMatchObject({ code: 'HTTP_ERROR' });
    expect(asked).toHaveLength(1);
  });

  it('is given up after as many failures in a row as are allowed, which bytes interrupt', async () => {
    await answering(status(503));
    await expect(get(file(), { retries: 2 })).rejects.toMatchObject({ code: 'HTTP_ERROR' });
    expect(asked).toHaveLength(3);
    await server.close();
    const step: Answer = (response, request) => {
      const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? 'bytes=0-')?.[1]);
      const headers = { etag: '"a"', 'content-length': body.length - from, 'content-range': `bytes ${from}-${body.length - 1}/${body.length}` };
      response.writeHead(from === 0 ? 200 : 206, headers);
      response.write(body.subarray(from, from + 60_000), () => (from + 60_000 >= body.length ? response.end() : response.destroy()));
    };
    await answering(step);
    expect(Buffer.compare(await get(file(), { retries: 1 }), body)).toBe(0);
    expect(asked.length).toBeGreaterThanOrEqual(5);
  });

  it('is left alone when the signal is aborted during a pause', async () => {
    const reason = new Error('left');
    const controller = new AbortController();
    await answering((response) => {
      status(503)(response, undefined as never);
      setTimeout(() => controller.abort(reason), 20);
    });
    await expect(get(file(), { signal: controller.signal, retryDelay: 60_000 })).rejects.toBe(reason);
    expect(asked).toHaveLength(1);
  });
});

describe('a file in another form', () => {
  const byPath =
    (files: Record<string, Uint8Array>): Answer =>
    (response, request) => {
      const data = files[request.url ?? ''];
      if (data === undefined) response.writeHead(404).end();
      else response.end(data);
    };
  const url = (path: string): string => server.origin + path;

  it('is put together from parts', async () => {
    await answering(byPath({ '/0': body.subarray(0, 100_001), '/1': body.subarray(100_001, 200_000), '/2': body.subarray(200_000) }));
    const parts = [100_001, 99_999, 100_000].map((bytes, i) => ({ url: url(`/${i}`), bytes }));
    const reports: Progress[] = [];
    const bytes = await get(file({ url: url('/0'), parts }), { onProgress: (progress) => reports.push(progress) });
    expect(Buffer.compare(bytes, body)).toBe(0);
    expect(reports.at(-1)).toEqual({ loaded: body.length, total: body.length, share: 1 });
    await expect(get(file({ url: url('/0'), parts: parts.slice(0, 2) }))).rejects.toMatchObject({ code: 'SIZE_MISMATCH' });
    await expect(get(file({ url: url('/0'), parts: [...parts.slice(0, 2), { url: url('/9'), bytes: 1 }] }))).rejects.toMatchObject({ code: 'HTTP_ERROR', url: url('/9') });
  });

  it('is unpacked, in one file or in parts', async () => {
    const packed = gzipSync(body);
    await answering(byPath({ '/m.gz': packed, '/0': packed.subarray(0, 50_000), '/1': packed.subarray(50_000) }));
    const encoding = 'gzip';
    expect(Buffer.compare(await get(file({ url: url('/m.gz'), encoding })), body)).toBe(0);
    const parts = [
      { url: url('/0'), bytes: 50_000 },
      { url: url('/1'), bytes: packed.length - 50_000 },
    ];
    expect(Buffer.compare(await get(file({ url: url('/0'), encoding, parts })), body)).toBe(0);
  });

  it('is taken as it is where the browser has unpacked it already', async () => {
    await answering((response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(body)));
    expect(Buffer.compare(await get(file({ encoding: 'gzip' })), body)).toBe(0);
  });

  it('is refused when it is damaged, cut short, or something else', async () => {
    const packed = gzipSync(body);
    const damaged = Uint8Array.from(packed).fill(0xff, 1000, 1100);
    await answering(byPath({ '/damaged': damaged, '/short': packed.subarray(0, 200_000), '/page': Buffer.from('<!doctype html>'), '/empty': Buffer.alloc(0) }));
    const codes = { '/damaged': 'HASH_MISMATCH', '/short': 'HASH_MISMATCH', '/page': 'NOT_A_MODEL', '/empty': 'NOT_A_MODEL' };
    for (const [path, code] of Object.entries(codes)) {
      await expect(get(file({ url: url(path), encoding: 'gzip' }))).rejects.toMatchObject({ code, url: url(path) });
    }
  });

  it('ends the connection when the reader of an unpacked file stops', async () => {
    let closed: Promise<void> | undefined;
    await answering((response) => {
      closed = new Promise((resolve) => {
        response.on('close', resolve);
      });
      response.writeHead(200).write(gzipSync(body).subarray(0, 200_000));
    });
    const onProgress = (): never => {
      throw new Error('page bug');
    };
    await expect(get(file({ encoding: 'gzip' }), { onProgress })).rejects.toThrow('page bug');
    await closed;
  });
});
