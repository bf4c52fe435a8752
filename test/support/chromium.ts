import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

const candidates = [process.env['CHROMIUM_PATH'], '/usr/bin/chromium'];

/** The Chromium to test in, or null where there is none; tests that need it are then skipped visibly. */
export const chromiumPath: string | null = candidates.find((path) => path !== undefined && existsSync(path)) ?? null;

const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
];

/** Starts Chromium without a window. The caller closes it. */
export async function launchChromium(extraArgs: readonly string[] = []): Promise<Browser> {
  if (chromiumPath === null) throw new Error('No Chromium: set CHROMIUM_PATH');
  return chromium.launch({ executablePath: chromiumPath, args: [...ARGS, ...extraArgs] });
}
