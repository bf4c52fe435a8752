import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname } from 'node:path';
import { chromium } from 'playwright-core';

const TYPES = { '.html': 'text/html', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };
const EXECUTABLE = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';

const NO_GPU = ['--disable-gpu'];

/** The machine's own GPU for WebGPU, where Vulkan finds one. */
export const HARDWARE_GPU = ['--enable-unsafe-webgpu', '--enable-features=Vulkan', '--use-vulkan=native', '--ignore-gpu-blocklist'];

/**
 * Gives a page in Chromium that can fetch some files, by their paths behind the origin.
 *
 * @param files paths by what the page calls them
 */
export async function withPage(files, use, args = NO_GPU) {
  const server = createServer(({ url }, response) => {
    const name = new URL(url, 'http://localhost').pathname.slice(1);
    const known = name === '' ? undefined : files(name);
    if (name !== '' && (known === undefined || !existsSync(known))) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': TYPES[name === '' ? '.html' : extname(name)] ?? 'application/octet-stream' });
    if (known === undefined) response.end('<!doctype html><title>Benchmark</title>');
    else createReadStream(known).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, 'localhost', resolve));
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ['--no-sandbox', ...args] });
  try {
    const page = await browser.newPage();
    await page.goto(`http://localhost:${server.address().port}/`);
    return await use(page);
  } finally {
    await browser.close();
    server.close();
  }
}
