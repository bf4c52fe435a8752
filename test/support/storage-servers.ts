import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { connect, createServer as createSocketServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface StorageServer {
  port: number;
  close(): Promise<void>;
}

/** Debian's redis-server, or none: tests that need it are then skipped visibly. */
export const hasRedis = spawnSync('redis-server', ['--version']).status === 0;

/** A Redis that keeps nothing on a disk. */
export async function startRedis(password?: string): Promise<StorageServer> {
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', ...(password === undefined ? [] : ['--requirepass', password])];
  return started(spawn('redis-server', args, { stdio: 'ignore' }), port);
}

export const S3_CREDENTIALS = { AWS_ACCESS_KEY_ID: 'S3RVER', AWS_SECRET_ACCESS_KEY: 'S3RVER' };

/** An S3 server with the bucket `models`; it knows one access key. */
export async function startS3(): Promise<StorageServer> {
  const folder = mkdtempSync(join(tmpdir(), 's3-'));
  const port = await freePort();
  const bin = join(fileURLToPath(new URL('../..', import.meta.url)), 'node_modules/s3rver/bin/s3rver.js');
  const server = await started(spawn(process.execPath, [bin, '--directory', folder, '--port', String(port), '--address', '127.0.0.1', '--configure-bucket', 'models', '--silent'], { stdio: 'ignore' }), port);
  return { port, close: async () => server.close().then(() => rmSync(folder, { recursive: true, force: true })) };
}

export interface HttpStorage extends StorageServer {
  /** What it has, by path. */
  items: Map<string, Buffer>;
  requests: { method: string; path: string; authorization: string | undefined }[];
}

/** A server that keeps what is put there. `handle` answers in its place where it returns true. */
export async function startHttpStorage(handle: (request: IncomingMessage, response: ServerResponse) => boolean = () => false): Promise<HttpStorage> {
  const items = new Map<string, Buffer>();
  const requests: HttpStorage['requests'] = [];
  const server = createServer((request, response) => {
    const { method = '', url: path = '', headers: { authorization } } = request;
    requests.push({ method, path, authorization });
    if (handle(request, response)) return;
    if (method === 'PUT') {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
        items.set(path, Buffer.concat(chunks));
        response.writeHead(204).end();
      });
      return;
    }
    const item = items.get(path);
    response.writeHead(item === undefined ? 404 : 200, item && { 'content-length': item.length }).end(method === 'HEAD' ? undefined : item);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> => new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, items, requests, close };
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createSocketServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function started(child: ChildProcess, port: number): Promise<StorageServer> {
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  for (let attempt = 0; !(await answers(port)); attempt++) {
    if (attempt === 200 || child.exitCode !== null) throw new Error(`${child.spawnfile} does not listen on port ${port}.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    port,
    async close() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket.destroy() !== undefined)).on('error', () => resolve(false));
  });
}

/** Whether the S3 server is installed. */
export const hasS3 = ((): boolean => {
  try {
    return createRequire(import.meta.url).resolve('s3rver') !== '';
  } catch {
    return false;
  }
})();
