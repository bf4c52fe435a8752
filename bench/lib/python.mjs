import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, run, step } from '../../scripts/setup.mjs';

const VENV = join(ROOT, 'bench/.venv');
const PACKAGES = ['onnx==1.23.2', 'onnxruntime==1.32.0', 'onnxconverter-common==1.16.0', 'onnx-ir==1.1.0', 'numpy==2.4.6', 'sympy', 'tokenizers', 'pillow'];
/** What was installed, so that an older environment gets what is new. */
const INSTALLED = join(VENV, 'installed.txt');

/** The interpreter of a virtual environment with the tools to compare with; made on first use. */
export function ensurePython() {
  const python = join(VENV, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python');
  const wanted = PACKAGES.join(' ');
  if (!existsSync(INSTALLED) || readFileSync(INSTALLED, 'utf8') !== wanted) {
    step('Making a Python environment with the tools to compare with');
    if (!existsSync(python)) run('python3', ['-m', 'venv', VENV]);
    run(python, ['-m', 'pip', 'install', '-q', ...PACKAGES]);
    writeFileSync(INSTALLED, wanted);
  }
  return python;
}

/** Runs a script of bench/python and gives the JSON on the last line of its output. */
export function askPython(script, ...args) {
  const result = spawnSync(ensurePython(), [join(ROOT, 'bench/python', script), ...args], { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (result.status !== 0) throw new Error(`${script} failed:\n${result.stderr}`);
  return JSON.parse(result.stdout.trim().split('\n').at(-1));
}
