// The set-up that every command at the root does for itself, on a machine with Node and npm only.
import { spawnSync } from 'node:child_process';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const PNPM = 'pnpm@12.21.0';
const LOWEST_NODE = { 20: 19, 22: 12 };

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const PACKAGE = join(ROOT, 'packages/unplugin-quantize');

/** Stops with one sentence on a Node that is too old for Vite and onnxruntime. */
export function ensureNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 22 || minor >= (LOWEST_NODE[major] ?? Infinity)) return;
  fail(`Node ${process.versions.node} is too old: 20.19, 22.12 or newer is needed.`);
}

/** Installs what pnpm-lock.yaml names. pnpm itself comes through npx; when all is in place this takes about a second. */
export function ensureInstalled() {
  ensureNode();
  step('Installing dependencies');
  // On Windows npx is a .cmd file, which only a shell starts.
  const shell = process.platform === 'win32';
  run('npx', ['--yes', PNPM, 'install', '--frozen-lockfile', '--reporter=append-only'], { shell, quiet: true });
}

/** Compiles packages/unplugin-quantize to its dist folder. */
export function buildPackage() {
  step('Building packages/unplugin-quantize');
  run(process.execPath, [join(ROOT, 'scripts/build.mjs')]);
}

/** Says what happens next. */
export function step(what) {
  console.log(`• ${what}`);
}

/**
 * Runs a command and stops with its exit code when it fails.
 * @param {string} command
 * @param {string[]} args
 * @param {{ cwd?: string, shell?: boolean, quiet?: boolean }} options `quiet` shows the output only on failure
 */
export function run(command, args, { cwd = ROOT, shell = false, quiet = false } = {}) {
  const result = spawnSync(command, args, { cwd, shell, stdio: quiet ? 'pipe' : 'inherit', encoding: 'utf8' });
  if (result.error === undefined && result.status === 0) return;
  if (quiet) process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`);
  const shown = [command, ...args].map((word) => relativeToRoot(word)).join(' ');
  fail(`"${shown}" failed${result.error === undefined ? '' : `: ${result.error.message}`}.`, result.status ?? 1);
}

function relativeToRoot(word) {
  return word.startsWith(ROOT) ? relative(ROOT, word) : word;
}

function fail(message, exitCode = 1) {
  console.error(message);
  process.exit(exitCode);
}
