import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { request, type IncomingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { QuantizedModel } from 'unplugin-quantize';
import quantize from 'unplugin-quantize/vite';
import * as vite8 from 'vite';
import * as vite6 from 'vite6';
import * as vite7 from 'vite7';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QUICK, recordingLogger } from '../plugin/support.ts';
import { models } from '../support/models.ts';

const VERSIONS = { 'Vite 6': vite6, 'Vite 7': vite7, 'Vite 8': vite8 } as unknown as Record<string, typeof vite8>;
const SECRET = 'a secret outside of the project';

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

/** Sends the path as it is: fetch would tidy it. */
function ask(port: number, path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: 'localhost', path, method, headers }, (response) => {
      let body = '';
      response.setEncoding('latin1').on('data', (text: string) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, body }));
    });
    sent.on('error', reject).end();
  });
}

describe.each(Object.entries(VERSIONS))('the dev server of %s', (_, vite) => {
  let server: vite8.ViteDevServer;
  let port: number;
  let model: QuantizedModel;
  let around: string;
  beforeAll(async () => {
    around = realpathSync(mkdtempSync(join(tmpdir(), 'dev-server-')));
    const root = join(around, 'project');
    mkdirSync(root);
    for (const name of ['secret.onnx', 'secret.txt']) writeFileSync(join(around, name), SECRET);
    writeFileSync(join(root, 'main.js'), "export { default } from './m.onnx?quantize';");
    writeFileSync(join(root, 'own.onnx'), 'no artefact');
    copyFileSync(models.ocrDirection, join(root, 'm.onnx'));
    server = await vite.createServer({ root, configFile: false, customLogger: recordingLogger().logger, plugins: [quantize(QUICK)], server: { host: 'localhost', port: 0 } });
    await server.listen();
    ({ port } = server.httpServer!.address() as { port: number });
    ({ default: model } = (await server.ssrLoadModule('/main.js')) as { default: QuantizedModel });
    // Only what a page asked for has an address.
    await server.transformRequest('/m.onnx?quantize');
  });
  afterAll(async () => {
    await server?.close();
    rmSync(around, { recursive: true, force: true });
  });

  const artefact = (): string => `/@quantize/${model.hash}/m.onnx`;

  it('serves the artefact and the report to its own pages', async () => {
    expect(await ask(port, artefact())).toMatchObject({ status: 200, headers: { 'content-length': String(model.variants[0]!.bytes) } });
    expect(await ask(port, '/__quantize/')).toMatchObject({ status: 200, headers: { 'x-content-type-options': 'nosniff' } });
  });

  it.each(['evil.example', 'evil.example:5173', 'localhost.evil.example'])('answers nothing under the name %s', async (host) => {
    for (const path of [artefact(), '/__quantize/', '/__quantize/quantize-report.json', '/__quantize']) {
      const { status, body } = await ask(port, path, { host });
      expect([path, status]).toEqual([path, 403]);
      expect(body).not.toContain('m.onnx');
    }
  });

  it('lets no page of another origin read what it answers', async () => {
    for (const path of [artefact(), '/__quantize/', '/__quantize/quantize-report.json']) {
      const { headers } = await ask(port, path, { origin: 'https://evil.example' });
      expect(headers['access-control-allow-origin']).toBeUndefined();
      const own = await ask(port, path, { origin: `http://localhost:${port}` });
      expect(own.headers['access-control-allow-origin']).toBe(`http://localhost:${port}`);
    }
  });

  it.each([
    '/@quantize/../secret.onnx', '/@quantize/%2e%2e/%2e%2e/secret.onnx', '/@quantize/HASH/../../../secret.onnx', '/@quantize/HASH/..%2f..%2f..%2fsecret.onnx',
    '/@quantize/HASH/..%5c..%5csecret.onnx', '/@quantize/HASH%00/m.onnx', '/@quantize/HASH/%2e%2e/m.onnx', '//@quantize/HASH/../../secret.txt', '/__quantize/../secret.txt', '/__quantize/%2e%2e%2fsecret.txt',
    '/__quantize/..%5csecret.txt', '/__quantize/constructor', '/__quantize/__proto__', '/@quantize/__proto__/m.onnx', '/@quantize/own.onnx',
  ])('gives nothing but artefacts at %s', async (path) => {
    const answer = await ask(port, path.replace('HASH', model.hash));
    expect(answer.body).not.toContain(SECRET);
    expect(answer.body).not.toContain('no artefact');
    // A name behind the hash may be any: the hash alone says what is meant. Otherwise there is the page of the app, or nothing.
    const isArtefact = answer.headers['etag'] === `"${model.hash}"`;
    const isPage = answer.headers['content-type']?.includes('text/html') === true;
    expect(answer.status !== 200 || isArtefact || isPage).toBe(true);
  });

  it('changes nothing', async () => {
    for (const method of ['POST', 'PUT', 'DELETE']) {
      expect((await ask(port, artefact(), {}, method)).status).toBe(405);
      expect((await ask(port, '/__quantize/', {}, method)).status).toBe(405);
    }
  });
});
