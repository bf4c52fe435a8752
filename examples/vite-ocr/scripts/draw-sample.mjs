// Draws src/assets/sample.png from sample.html with a Chromium on this machine: node scripts/draw-sample.mjs [chromium]
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const chromium = process.argv[2] ?? process.env.CHROMIUM_PATH ?? 'chromium';
const target = here('../src/assets/sample.png');

execFileSync(chromium, [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--hide-scrollbars',
  '--force-device-scale-factor=1',
  '--window-size=840,340',
  `--screenshot=${target}`,
  new URL('sample.html', import.meta.url).href,
]);
console.log(target);
