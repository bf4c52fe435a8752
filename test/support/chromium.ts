import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const candidates = [process.env['CHROMIUM_PATH'], '/usr/bin/chromium'];

/** The Chromium to test in, or null where there is none; tests that need it are then skipped visibly. */
export const chromiumPath: string | null = candidates.find((path) => path !== undefined && existsSync(path)) ?? null;

/** With CHROMIUM_GPU=hardware the machine's own GPU is used, where Vulkan finds one. */
const isHardware = process.env['CHROMIUM_GPU'] === 'hardware';

const ARGS = [
  '--no-sandbox',
  ...(isHardware ? [] : ['--disable-gpu']),
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** What gives pages WebGPU: a software adapter without shader-f16, unless the machine's own GPU is asked for. */
export const WEBGPU_ARGS: readonly string[] = isHardware
  ? ['--enable-unsafe-webgpu', '--enable-features=Vulkan', '--use-vulkan=native', '--ignore-gpu-blocklist']
  : ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

/** Starts Chromium without a window. The caller closes it. */
export async function launchChromium(extraArgs: readonly string[] = []): Promise<Browser> {
  if (chromiumPath === null) throw new Error('No Chromium: set CHROMIUM_PATH');
  return chromium.launch({ executablePath: chromiumPath, args: [...ARGS, ...extraArgs] });
}
