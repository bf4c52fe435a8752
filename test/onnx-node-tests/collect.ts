import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The release whose node tests are run; it also names the folder of the cache. */
const ONNX = '1.23.2';
const script = join(import.meta.dirname, 'collect.py');
const cache = join(import.meta.dirname, '../.cache/onnx-node-tests');

/**
 * The folder that `collect.py` filled, made the first time it is asked for: with the `onnx` package that python3 has, else with one
 * in a virtual environment in the cache.
 *
 * @returns where it cannot be had, why
 */
export async function collectedFolder(): Promise<{ folder: string } | { reason: string }> {
  const key = createHash('sha256').update(readFileSync(script)).digest('hex').slice(0, 8);
  const folder = join(cache, `${ONNX}-${key}`);
  if (existsSync(join(folder, 'cases.json'))) return { folder };
  mkdirSync(cache, { recursive: true });
  const draft = mkdtempSync(join(cache, 'draft-'));
  try {
    await run(await pythonWithOnnx(), [script, draft]);
    renameSync(draft, folder);
    return { folder };
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    // Another process may have been faster.
    if (existsSync(join(folder, 'cases.json'))) return { folder };
    return { reason: error instanceof Error ? error.message.split('\n')[0]! : String(error) };
  }
}

async function pythonWithOnnx(): Promise<string> {
  if (await hasOnnx('python3')) return 'python3';
  const venv = join(cache, 'python');
  const python = join(venv, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  if (await hasOnnx(python)) return python;
  await run('python3', ['-m', 'venv', '--clear', venv]);
  await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `onnx==${ONNX}`], { timeout: 120_000 });
  return python;
}

async function hasOnnx(python: string): Promise<boolean> {
  return run(python, ['-c', `import onnx; assert onnx.__version__ == "${ONNX}"`]).then(() => true, () => false);
}
