import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runModel } from '../../support/run-model.ts';
import { makeCases, type Case } from './cases.ts';
import { signatureOf } from './signature.ts';

const ENGINES = {
  // Older ones do not start in Node 20.
  'onnxruntime-node': ['1.11.0', '1.12.1', '1.14.0', '1.15.0', '1.16.0', '1.17.0', '1.18.0', '1.19.0', '1.20.0', '1.21.0', '1.22.0', '1.23.0', '1.24.1', '1.25.1', '1.27.0', '1.30.0'],
  'onnxruntime-web': ['1.14.0', '1.15.0', '1.16.0', '1.17.0', '1.18.0', '1.19.0', '1.20.0', '1.21.0', '1.22.0', '1.23.0', '1.24.1', '1.25.1', '1.27.0', '1.30.0'],
} as const;
type Engine = keyof typeof ENGINES;

/**
 * Installs every release below `folder`, runs all cases in each, and writes releases.json.
 *
 * @param folder for the packages and the models, some gigabytes
 */
export async function main(folder: string): Promise<void> {
  const cases: Case[] = [];
  for await (const one of makeCases()) cases.push(one);
  const jobs = await writeJobs(cases, folder);
  const found = new Map<Engine, Map<string, Outcome[]>>();
  for (const engine of Object.keys(ENGINES) as Engine[]) {
    found.set(engine, new Map());
    for (const release of ENGINES[engine]) {
      console.log(`${engine} ${release}`);
      const outcomes = runAll(install(engine, release, folder), engine, jobs, cases.map(({ name }) => name));
      if (outcomes.every(({ outcome }) => outcome !== 'ran')) throw new Error(`${engine} ${release} runs nothing here.`);
      found.get(engine)!.set(release, outcomes);
    }
  }
  const rows = cases.map(({ name, bytes }, i) => ({
    name,
    needs: signatureOf(bytes),
    ...Object.fromEntries([...found].map(([engine, releases]) => [engine, Object.fromEntries([...releases].flatMap(([release, outcomes]) => {
      const { outcome } = outcomes[i]!;
      return outcome === 'ran' ? [] : [[release, outcome]];
    }))])),
  }));
  const lines = rows.map((row) => ` ${JSON.stringify(row)}`).join(',\n');
  writeFileSync(join(import.meta.dirname, 'releases.json'), `{"engines":${JSON.stringify(ENGINES)},"cases":[\n${lines}\n]}\n`);
}

interface Outcome {
  name: string;
  outcome: 'ran' | 'wrong' | 'refused' | 'crashed';
}

async function writeJobs(cases: readonly Case[], folder: string): Promise<string> {
  mkdirSync(join(folder, 'models'), { recursive: true });
  const jobs = [];
  for (const [i, { name, bytes, feeds }] of cases.entries()) {
    const model = join(folder, 'models', `${i}.onnx`);
    writeFileSync(model, bytes);
    const plain = Object.entries(feeds).map(([key, { type, dims, data }]) => [key, { type, dims, data: Array.from(data as Float32Array, Number) }]);
    jobs.push({ name, model, feeds: Object.fromEntries(plain), outputs: await outputsOf(bytes, feeds) });
  }
  const file = join(folder, 'jobs.json');
  writeFileSync(file, JSON.stringify(jobs));
  return file;
}

/** What the release that the project is developed with makes of a case; nothing where it refuses. */
async function outputsOf(bytes: Uint8Array, feeds: Case['feeds']): Promise<Record<string, number[]>> {
  try {
    const outputs = await runModel(bytes, feeds, 'all');
    return Object.fromEntries(Object.entries(outputs).map(([name, { data }]) => [name, Array.from(data as Float32Array)]));
  } catch (error) {
    if (error instanceof Error) return {};
    throw error;
  }
}

function install(engine: Engine, release: string, folder: string): string {
  const at = join(folder, `${engine.split('-')[1]}-${release}`);
  if (existsSync(join(at, 'node_modules', engine))) return at;
  mkdirSync(at, { recursive: true });
  writeFileSync(join(at, 'package.json'), '{"private":true}');
  const { status, stderr } = spawnSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', `${engine}@${release}`], { cwd: at, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm install ${engine}@${release} failed:\n${stderr}`);
  return at;
}

/** A model that takes its process down is noted, and the others are run in a new one. */
function runAll(folder: string, engine: Engine, jobs: string, names: readonly string[]): Outcome[] {
  const outcomes: Outcome[] = [];
  while (outcomes.length < names.length) {
    const { stdout } = spawnSync(process.execPath, [join(import.meta.dirname, 'try-release.cjs'), folder, engine, jobs, String(outcomes.length)], { encoding: 'utf8' });
    // An engine may print a line of its own.
    const lines = stdout.split('\n').filter((line) => line.startsWith('{"name"'));
    outcomes.push(...lines.map((line): Outcome => JSON.parse(line)));
    if (outcomes.length < names.length) outcomes.push({ name: names[outcomes.length]!, outcome: 'crashed' });
  }
  return outcomes;
}
