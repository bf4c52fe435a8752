import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The built package: worker threads and programs run no TypeScript. `npm run build` makes it. */
export const distFolder = join(import.meta.dirname, '../../packages/unplugin-quantize/dist');
export const hasDist = existsSync(join(distFolder, 'cli/main.js'));

/** URL of a built module, for imports in programs of their own. */
export function distUrl(path: string): string {
  return pathToFileURL(join(distFolder, path)).href;
}

export interface ProgramResult {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs Node in a process of its own. */
export function runNode(args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv; signal?: AbortSignal } = {}): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    const text = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) child[stream].setEncoding('utf8').on('data', (chunk: string) => (text[stream] += chunk));
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, ...text }));
  });
}

/** Runs a piece of JavaScript as a module in a process of its own. */
export function runScript(code: string, options?: { cwd?: string }): Promise<ProgramResult> {
  return runNode(['--input-type=module', '--eval', code], options);
}
