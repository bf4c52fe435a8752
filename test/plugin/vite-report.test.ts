import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { Options } from 'unplugin-quantize';
import quantize from 'unplugin-quantize/vite';
import { createServer, type InlineConfig } from 'vite';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { ModelReport } from '../../packages/unplugin-quantize/src/types.ts';
import { makeProject, QUICK, recordingLogger, viteBuild } from './support.ts';

const FILES = { 'index.html': '<!doctype html><script type="module" src="/main.js"></script>', 'main.js': "import model from './m.onnx?quantize'; console.log(model);" };

async function startDev(root: string, options: Options = QUICK, config: InlineConfig = {}): Promise<{ port: number; get(path: string, headers?: Record<string, string>, method?: string): Promise<{ status: number; text: string; headers: Record<string, unknown> }> }> {
  const server = await createServer({ root, configFile: false, customLogger: recordingLogger().logger, plugins: [quantize(options)], server: { host: 'localhost', port: 0 }, ...config });
  await server.listen();
  onTestFinished(() => server.close());
  const { port } = server.httpServer!.address() as { port: number };
  /** Paths go out as they are, with their dots; `fetch` would resolve them. */
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') => new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((done, fail) => {
    request({ host: 'localhost', port, path, headers, method }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part)).on('end', () => done({ status: response.statusCode!, text, headers: response.headers }));
    }).on('error', fail).end();
  });
  return { port, get };
}

describe('the report of the Vite dev server', () => {
  it.each(['/', '/sub/'])('with base %s has the models that were asked for, looked at closely', async (base) => {
    const root = makeProject(FILES, { 'm.onnx': 'ocrDirection' });
    const { get } = await startDev(root, QUICK, { base });
    expect((await get(`${base}__quantize/`)).text).toContain('No model was quantized.');
    expect((await get(`${base}m.onnx?quantize&import`)).status).toBe(200);
    const page = await get(`${base}__quantize/`);
    expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' } });
    expect(page.text).toContain('Weights with the most noise');
    // Vite's client has no business in it.
    expect(page.text).not.toContain('@vite/client');
    const { models } = JSON.parse((await get(`${base}__quantize/quantize-report.json`)).text) as { models: ModelReport[] };
    expect(models.map(({ name }) => name)).toContain('m.onnx');
    expect(await get(`${base}__quantize`)).toMatchObject({ status: 302, headers: { location: `${base}__quantize/` } });
    expect(existsSync(join(root, 'quantize-report.json'))).toBe(false);
  });

  it('shows a model that breaks its budget', async () => {
    const root = makeProject(FILES, { 'm.onnx': 'ocrDirection' });
    const { get } = await startDev(root, { ...QUICK, budget: { maxBytes: 1000 } });
    expect((await get('/m.onnx?quantize&import')).status).toBe(500);
    expect((await get('/__quantize/')).text).toContain('✗ maxBytes');
  });

  it.each(['/__quantize/m.onnx', '/__quantize//etc/passwd', '/__quantize/__proto__', '/__quantize/constructor', '/__quantize/quantize-report.html'])('has nothing at %s', async (path) => {
    const { get } = await startDev(makeProject(FILES, { 'm.onnx': 'ocrDirection' }));
    expect((await get(path)).status).toBe(404);
  });

  it.each(['/__quantize/../package.json', '/__quantize/..%2f..%2fetc%2fpasswd', '/__quantize/%2e%2e/package.json', '/__quantize/..\\package.json'])('leads nowhere by %s', async (path) => {
    const root = makeProject(FILES, { 'm.onnx': 'ocrDirection' });
    writeFileSync(join(root, 'package.json'), '{"secret":true}');
    const { status, text } = await (await startDev(root)).get(path);
    expect([status, /root:/.test(text)]).toEqual([404, false]);
  });

  it('is refused where Vite refuses its own files: to another host name', async () => {
    const { port, get } = await startDev(makeProject(FILES, { 'm.onnx': 'ocrDirection' }));
    const [own, foreign] = [{ Host: `localhost:${port}` }, { Host: `evil.example:${port}` }];
    expect((await get('/__quantize/', own)).status).toBe(200);
    expect((await get('/main.js', foreign)).status).toBe(403);
    expect((await get('/__quantize/', foreign)).status).toBe(403);
    const crossOrigin = await get('/__quantize/quantize-report.json', { ...own, Origin: 'https://evil.example' });
    expect(crossOrigin.headers['access-control-allow-origin']).toBeUndefined();
    expect((await get('/__quantize/', own, 'POST')).status).toBe(405);
  });
});

describe('reports of a build', () => {
  it('are those that were asked for', async () => {
    const root = makeProject(FILES, { 'm.onnx': 'ocrDirection' });
    await viteBuild(root, {}, { ...QUICK, report: ['md', 'out/models.html'] });
    expect(readFileSync(join(root, 'quantize-report.md'), 'utf8')).toContain('<code>m.onnx</code>');
    expect(readFileSync(join(root, 'out/models.html'), 'utf8')).toContain('Weights with the most noise');
    expect(existsSync(join(root, 'quantize-report.json'))).toBe(false);
  });

  it('are the same from the cache', async () => {
    const root = makeProject(FILES, { 'm.onnx': 'ocrDirection' });
    const build = async (): Promise<string[]> => {
      await viteBuild(root, {}, { ...QUICK, cache: 'kept', report: ['json', 'html', 'md'] });
      return ['json', 'html', 'md'].map((kind) => readFileSync(join(root, `quantize-report.${kind}`), 'utf8'));
    };
    const first = await build();
    expect(await build()).toEqual(first);
  });

  it('tell what is worse than the baseline, when the build fails of it', async () => {
    const root = makeProject(FILES, { 'm.onnx': 'ocrDirection' });
    await viteBuild(root, {}, { ...QUICK, baseline: { update: true } });
    const lock = join(root, 'quantize.lock.json');
    writeFileSync(lock, readFileSync(lock, 'utf8').replaceAll(/"bytes": (\d+)/g, (_, bytes: string) => `"bytes": ${Math.floor(Number(bytes) / 2)}`));
    await expect(viteBuild(root, {}, { ...QUICK, report: ['json', 'html'] })).rejects.toThrow('BASELINE_BROKEN');
    const { models } = JSON.parse(readFileSync(join(root, 'quantize-report.json'), 'utf8')) as { models: ModelReport[] };
    expect(models.flatMap(({ baseline = [] }) => baseline.map(({ what, verdict }) => `${what} ${verdict}`))).toContain('bytes regressed');
    expect(/✗ [^<]*bytes of the baseline/.test(readFileSync(join(root, 'quantize-report.html'), 'utf8'))).toBe(true);
  });
});
