import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { artefactServer } from './artefact-server.ts';

const sha = 'a'.repeat(64);
const gone = 'b'.repeat(64);
const bytes = randomBytes(100_000);
let folder: string;
let server: Server;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'artefact-server-'));
  writeFileSync(join(folder, 'artefact'), bytes);
  writeFileSync(join(folder, 'secret.onnx'), 'secret');
  const files = new Map([[sha, join(folder, 'artefact')], [gone, join(folder, 'gone')]]);
  const middleware = artefactServer({ prefix: '/sub/@quantize/', find: (hash) => files.get(hash), headers: { 'X-Dev': 'yes' } });
  server = createServer((incoming, response) => middleware(incoming, response, () => response.writeHead(418).end('next')));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
});

afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Unlike fetch, sends the path as it is. */
function ask(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const { port } = server.address() as AddressInfo;
  return new Promise((answered, failed) => {
    const outgoing = request({ host: '127.0.0.1', port, path, headers, method, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => answered({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }));
    });
    outgoing.on('error', failed).end();
  });
}

describe('artefactServer', () => {
  const url = `/sub/@quantize/${sha}/m%20%C3%BC.onnx`;

  it('sends the file with length, type and tag', async () => {
    const { status, headers, body } = await ask(url);
    expect(status).toBe(200);
    expect(body.equals(bytes)).toBe(true);
    expect(headers).toMatchObject({
      'content-length': '100000',
      'content-type': 'application/octet-stream',
      'etag': `"${sha}"`,
      'accept-ranges': 'bytes',
      'cache-control': 'public, max-age=31536000, immutable',
      'x-dev': 'yes',
    });
  });

  it('answers HEAD without the body', async () => {
    const { status, headers, body } = await ask(url, {}, 'HEAD');
    expect([status, headers['content-length'], body.length]).toEqual([200, '100000', 0]);
  });

  it('does not send what the browser has', async () => {
    const { status, headers, body } = await ask(url, { 'If-None-Match': `"${sha}"`, 'Range': 'bytes=0-9' });
    expect([status, body.length, headers.etag]).toEqual([304, 0, `"${sha}"`]);
    expect((await ask(url, { 'If-None-Match': '"other"' })).status).toBe(200);
  });

  it.each([
    ['bytes=10-19', 'bytes 10-19/100000', bytes.subarray(10, 20)],
    ['bytes=-5', 'bytes 99995-99999/100000', bytes.subarray(-5)],
    ['bytes=99990-', 'bytes 99990-99999/100000', bytes.subarray(99_990)],
  ])('sends the part %s', async (range, contentRange, part) => {
    const { status, headers, body } = await ask(url, { Range: range });
    expect([status, headers['content-range'], headers['content-length']]).toEqual([206, contentRange, String(part.length)]);
    expect(body.equals(part)).toBe(true);
  });

  it('refuses a part that does not exist, and ignores one of another version', async () => {
    const beyond = await ask(url, { Range: 'bytes=100000-' });
    expect([beyond.status, beyond.headers['content-range']]).toEqual([416, 'bytes */100000']);
    const other = await ask(url, { 'Range': 'bytes=0-9', 'If-Range': '"other"' });
    expect([other.status, other.body.length]).toEqual([200, 100_000]);
    expect((await ask(url, { 'Range': 'bytes=0-9', 'If-Range': `"${sha}"` })).status).toBe(206);
  });

  it.each([
    `/sub/@quantize/${'c'.repeat(64)}/m.onnx`,
    `/sub/@quantize/${gone}/m.onnx`,
    `/sub/@quantize/${sha}/`,
    `/sub/@quantize/${sha}`,
    `/sub/@quantize/${sha.toUpperCase()}/m.onnx`,
    `/sub/@quantize/../secret.onnx`,
    `/sub/@quantize/${sha}/../../secret.onnx`,
    `/sub/@quantize/%2e%2e/secret.onnx`,
    `/sub/@quantize/${sha}/..%2fsecret.txt`,
    '/sub/@quantize//etc/passwd',
    '/sub/@quantize/',
    '/sub/@quantize/__proto__/m.onnx',
  ])('knows nothing of %s', async (path) => {
    const { status, body, headers } = await ask(path);
    expect(status).toBe(404);
    expect(body.toString()).not.toContain('secret');
    expect(headers['cache-control']).toBe('no-store');
  });

  it('leaves other paths to others and other methods alone', async () => {
    expect((await ask('/sub/m.onnx')).status).toBe(418);
    expect((await ask(`/@quantize/${sha}/m.onnx`)).status).toBe(418);
    expect((await ask(url, {}, 'POST')).status).toBe(405);
    expect((await ask(url, {}, 'DELETE')).headers.allow).toBe('GET, HEAD');
  });

  it('survives a client that leaves', async () => {
    const { port } = server.address() as AddressInfo;
    const outgoing = request({ host: '127.0.0.1', port, path: url });
    await new Promise<void>((left) => outgoing.on('response', (response) => response.destroy()).on('close', left).on('error', () => undefined).end());
    expect((await ask(url)).status).toBe(200);
  });
});
