// npm run demo: builds examples/vite-ocr with quantized models and reads the text of its sample image,
// in a browser window, in a headless browser, or in Node, whichever this machine has.
import { spawn } from 'node:child_process';
import { join, relative } from 'node:path';
import { findBrowser, hasScreen, sandboxArguments } from './browser.mjs';
import { ROOT, buildPackage, ensureInstalled, run, step } from './setup.mjs';

const EXAMPLE = join(ROOT, 'examples/vite-ocr');
const VITE = join(EXAMPLE, 'node_modules/vite/bin/vite.js');
/** The first visit loads 14 MB of WebAssembly and two models, on machines as slow as CI's. */
const TIMEOUT = 120_000;

ensureInstalled();
buildPackage();
step('Building examples/vite-ocr');
run(process.execPath, [VITE, 'build'], { cwd: EXAMPLE });

const browser = findBrowser();
if (browser === undefined) readInNode();
else if (hasScreen()) await showPage(browser);
else await readHeadless(browser);

function readInNode() {
  step('No Chrome, Chromium or Edge was found (CHROMIUM_PATH names one): reading the sample in Node');
  run(process.execPath, [VITE, 'build', '--ssr', 'src/node.ts'], { cwd: EXAMPLE });
  run(process.execPath, ['dist/node/node.js', 'src/assets/sample.png'], { cwd: EXAMPLE });
}

async function showPage(executable) {
  const server = await servePage();
  step(`${server.url} is open in your browser. Ctrl-C ends the demo.`);
  spawn(executable, [...sandboxArguments(), server.url], { detached: true, stdio: 'ignore' })
    .on('error', (error) => console.error(`The browser did not start (${error.message}): open the address yourself.`))
    .unref();
}

async function readHeadless(executable) {
  const server = await servePage();
  step('Reading the sample in a headless browser');
  const { chromium } = await import('playwright-core');
  const instance = await chromium.launch({ executablePath: executable, args: sandboxArguments() });
  try {
    const page = await instance.newPage({ viewport: { width: 1180, height: 720 } });
    await page.goto(server.url);
    await page.waitForSelector('html[data-state=ready], html[data-state=failed]', { timeout: TIMEOUT });
    const screenshot = join(EXAMPLE, 'dist/page.png');
    await page.screenshot({ path: screenshot });
    if ((await page.getAttribute('html', 'data-state')) === 'failed') throw new Error(await page.textContent('#error'));
    const lines = await page.locator('#lines li span').allTextContents();
    const figures = await page.locator('.figures div').evaluateAll((all) => all.map((one) => one.innerText.replace('\n', ': ')));
    console.log(`\n${lines.join('\n')}\n\n${figures.join('\n')}\nScreenshot: ${relative(process.cwd(), screenshot)}`);
  } finally {
    await instance.close();
    await server.close();
  }
}

async function servePage() {
  const { preview } = await import('vite');
  const server = await preview({ root: EXAMPLE, configFile: join(EXAMPLE, 'vite.config.ts'), logLevel: 'warn' });
  const url = server.resolvedUrls?.local[0];
  if (url === undefined) throw new Error('vite preview gave no address.');
  return { url, close: () => server.close() };
}
