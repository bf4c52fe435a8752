import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ModelReport } from '../../packages/unplugin-quantize/src/types.ts';
import { distFolder, hasDist } from '../support/dist.ts';
import { models } from '../support/models.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/ci', import.meta.url));

interface Step {
  name?: string;
  uses?: string;
  run?: string;
  if?: string;
  with?: Record<string, string>;
  env?: Record<string, string>;
}

/** Read by a parser that a tool of the repository depends on. */
function readWorkflow(): { on: object; jobs: Record<string, { steps: Step[] }> } {
  const { load } = createRequire(createRequire(import.meta.resolve('@changesets/cli')).resolve('@manypkg/get-packages'))('js-yaml') as { load(text: string): unknown };
  return load(readFileSync(join(EXAMPLE, '.github/workflows/models.yml'), 'utf8')) as ReturnType<typeof readWorkflow>;
}

const steps = readWorkflow().jobs['build']!.steps;

describe.skipIf(!hasDist || !existsSync(join(EXAMPLE, 'node_modules')))('examples/ci (needs the built package)', () => {
  let root: string;
  beforeAll(() => {
    // A copy, as a user's repository would be: what the build writes does not get into ours.
    root = mkdtempSync(join(tmpdir(), 'ci-'));
    cpSync(EXAMPLE, root, { recursive: true, filter: (path) => !/[\\/](node_modules|dist|\.cache|quantize-report\.\w+)$/.test(path) });
    symlinkSync(join(EXAMPLE, 'node_modules'), join(root, 'node_modules'));
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  /** Runs a command of the workflow as its shell does, with what GitHub puts into the environment. */
  function runStep(command: string, env: Record<string, string> = {}): { status: number | null; stdout: string; stderr: string } {
    const github = { CI: 'true', GITHUB_ACTIONS: 'true', GITHUB_WORKSPACE: root, GITHUB_STEP_SUMMARY: join(root, 'summary.md') };
    return spawnSync('bash', ['-e', '-o', 'pipefail', '-c', command], { cwd: root, encoding: 'utf8', env: { ...process.env, ...github, ...env } });
  }
  const reports = (): ModelReport[] => (JSON.parse(readFileSync(join(root, 'quantize-report.json'), 'utf8')) as { models: ModelReport[] }).models;

  it('has commands and paths that exist', () => {
    const scripts = (JSON.parse(readFileSync(join(EXAMPLE, 'package.json'), 'utf8')) as { scripts: Record<string, string> }).scripts;
    const named = steps.flatMap(({ run = '' }) => [...run.matchAll(/npm run ([\w:-]+)/g)].map(([, script]) => script!));
    expect(named).toEqual(['build']);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
    const cached = steps.find(({ uses }) => uses?.startsWith('actions/cache@'))!.with!['path']!;
    expect(readFileSync(join(EXAMPLE, 'vite.config.ts'), 'utf8')).toContain(`cache: '${cached}'`);
  });

  it('builds, holds its budget, and puts the models into the summary of the job', () => {
    const { status, stdout, stderr } = runStep(steps.find(({ name }) => name === 'Build')!.run!);
    expect({ status, stderr }).toMatchObject({ status: 0 });
    expect(stdout).not.toContain('::error');
    for (const { budget, accuracy } of reports()) {
      expect(budget.map(({ limit, held }) => [limit, held])).toEqual([['cosine', true], ['accuracyDrop', true], ['ratio', true]]);
      expect(accuracy).toMatchObject({ samples: 16, synthetic: false });
      // The original reads all lines but one.
      expect(accuracy!.metrics).toMatchObject([{ name: 'accuracy', from: 'labels', source: 15 / 16 }]);
    }
    const summary = readFileSync(join(root, 'summary.md'), 'utf8');
    expect(summary.trim()).toBe(readFileSync(join(root, 'quantize-report.md'), 'utf8').trim());
    for (const kind of ['json', 'html', 'md']) expect(existsSync(join(root, `quantize-report.${kind}`))).toBe(true);
    expect(existsSync(join(root, steps.find(({ uses }) => uses?.startsWith('actions/cache@'))!.with!['path']!, 'artefacts'))).toBe(true);
  });

  it('comments with the report', () => {
    const { run, env } = steps.find(({ name }) => name === 'Comment')!;
    const [bin, log] = [join(root, 'bin'), join(root, 'gh.log')];
    mkdirSync(bin);
    // GitHub's own program is not here; this one writes down how it was called.
    writeFileSync(join(bin, 'gh'), `#!/bin/sh\nprintf '%s\\n' "$@" > '${log}'\n`);
    chmodSync(join(bin, 'gh'), 0o755);
    const given = Object.fromEntries(Object.keys(env!).map((key) => [key, '17']));
    expect(runStep(run!, { ...given, PATH: `${bin}${delimiter}${process.env['PATH']}` }).status).toBe(0);
    const args = readFileSync(log, 'utf8').trim().split('\n');
    expect(args.slice(0, 3)).toEqual(['pr', 'comment', '17']);
    expect(existsSync(join(root, args[args.indexOf('--body-file') + 1]!))).toBe(true);
  });

  it('fails where a budget is broken, beside the file of the model, and says why', () => {
    copyFileSync(models.ocrDirection, join(root, 'line.onnx'));
    writeFileSync(join(root, 'src/main.ts'), "import model from '../line.onnx?quantize=int4-storage&block=256&mixed=';\nconsole.log(model);\n");
    writeFileSync(join(root, 'vite.config.ts'), readFileSync(join(root, 'vite.config.ts'), 'utf8').replace('ratio: 0.5', 'ratio: 0.01'));
    rmSync(join(root, 'summary.md'));
    const { status, stdout } = runStep('npm run build');
    expect(status).toBe(1);
    expect(stdout.match(/^::error .*$/gm)).toEqual([expect.stringMatching(/^::error file=line\.onnx,title=unplugin-quantize%3A BUDGET_BROKEN::.*ratio.*BROKEN/)]);
    expect(reports().flatMap(({ budget }) => budget.filter(({ held }) => !held)).length).toBeGreaterThan(0);
    expect(readFileSync(join(root, 'summary.md'), 'utf8')).toContain('does not hold its budget');
    expect(/✗ [\w, ]*ratio/.test(readFileSync(join(root, 'quantize-report.html'), 'utf8'))).toBe(true);
  });

  it('tells the same from the command line', () => {
    rmSync(join(root, 'summary.md'));
    const { status, stdout } = runStep(`node '${join(distFolder, 'cli/main.js')}' quantize line.onnx -o small.onnx --max-bytes 1000 --no-verify`);
    expect(status).toBe(1);
    expect(stdout).toMatch(/^::error title=unplugin-quantize%3A BUDGET_BROKEN::/m);
    expect(readFileSync(join(root, 'summary.md'), 'utf8')).toContain('| maxBytes | 1000 |');
  });
});
