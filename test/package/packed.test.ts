import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasDist } from '../support/dist.ts';
import { models } from '../support/models.ts';
import { listFiles, sha256 } from '../plugin/support.ts';

const ROOT = join(import.meta.dirname, '../..');
const PACKAGE = join(ROOT, 'packages/unplugin-quantize');
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');

interface Manifest {
  exports: Record<string, unknown>;
  bin: Record<string, string>;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
}

/** A code block of the README that names its file in the first line. */
function block(file: string): string {
  const found = new RegExp(`^\`\`\`\\w+\\n// ${file.replaceAll('.', '\\.')}\\n([^]*?)^\`\`\``, 'm').exec(readme);
  if (found === null) throw new Error(`The README has no ${file}.`);
  return found[1]!;
}

/** Runs a compiler of webpack's or Rspack's with the configuration file, as their command lines do. */
const compile = (bundler: string, config: string): string => `
  import bundler from '${bundler}';
  import config from './${config}';
  const compiler = bundler({ mode: 'production', ...config });
  compiler.run((crash, stats) => {
    if (crash || stats.hasErrors()) { console.error(crash ?? stats.toString({ all: false, errors: true })); process.exitCode = 1; }
    compiler.close(() => undefined);
  });`;

const require = createRequire(import.meta.url);
const bin = (name: string, path: string): string => join(dirname(require.resolve(`${name}/package.json`)), path);

/** The file that a user writes, and how it is run. */
const BUILDS: Record<string, { file: string; args: string[] }> = {
  vite: { file: 'vite.config.ts', args: [bin('vite', 'bin/vite.js'), 'build'] },
  rollup: { file: 'rollup.config.js', args: [bin('rollup', 'dist/bin/rollup'), '-c'] },
  rolldown: { file: 'rolldown.config.js', args: [bin('rolldown', 'bin/cli.mjs'), '-c'] },
  webpack: { file: 'webpack.config.js', args: ['--input-type=module', '-e', compile('webpack', 'webpack.config.js')] },
  rspack: { file: 'rspack.config.js', args: ['--input-type=module', '-e', compile('@rspack/core', 'rspack.config.js')] },
  esbuild: { file: 'esbuild.js', args: ['esbuild.js'] },
  farm: { file: 'farm.config.js', args: ['--input-type=module', '-e', "import { build } from '@farmfe/core'; await build({ configPath: process.cwd() + '/farm.config.js' });"] },
};

describe.skipIf(!hasDist)('the packed package, in a folder that has what it declares and nothing else', () => {
  let folder: string;
  let tarball: string;
  let installed: string;
  let manifest: Manifest;

  beforeAll(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), 'packed-')));
    execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: PACKAGE, stdio: 'ignore' });
    tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz'))!);
    execFileSync('tar', ['-xzf', tarball], { cwd: folder });
    installed = join(folder, 'node_modules/unplugin-quantize');
    mkdirSync(dirname(installed));
    renameSync(join(folder, 'package'), installed);
    manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as Manifest;
    for (const name of [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)]) link(name, join(PACKAGE, 'node_modules', name));
    link('@rollup/plugin-node-resolve', join(ROOT, 'node_modules/@rollup/plugin-node-resolve'));
    const page = '<!doctype html><html><head></head><body><script type="module" src="./app.js"></script></body></html>';
    const files = { 'package.json': '{ "type": "module" }', 'index.html': page, 'app.js': `${block('app.ts')}\nconsole.log(session, model);` };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    copyFileSync(models.ocrDirection, join(folder, 'sentiment.onnx'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function link(name: string, target: string): void {
    const place = join(folder, 'node_modules', name);
    mkdirSync(dirname(place), { recursive: true });
    // Farm follows no link out of the project to what it bundles.
    if (name === 'onnxruntime-web') cpSync(realpathSync(target), place, { recursive: true, filter: (path) => !path.endsWith('.map') });
    else symlinkSync(realpathSync(target), place);
  }

  const run = (args: string[]): { status: number | null; output: string } => {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
    return { status, output: stripVTControlCharacters(stdout + stderr) };
  };

  it('has the licence and no sources or tests', () => {
    const files = listFiles(installed);
    for (const name of ['package.json', 'LICENSE', 'THIRD-PARTY-LICENSES', 'client.d.ts', 'dist/vite.js', 'dist/vite.d.ts']) expect(files).toContain(name);
    expect(files.filter((name) => /\.test\.|^(?:src|test)\/|\.tgz$/.test(name) || (name.endsWith('.ts') && !name.endsWith('.d.ts')))).toEqual([]);
  });

  it('is clean for publint', async () => {
    const { messages, pkg } = await publint({ pkgDir: installed, pack: false, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });

  it('has types that fit the modules, as arethetypeswrong sees them', async () => {
    const result = await checkPackage(createPackageFromTarballData(readFileSync(tarball)));
    // Its profile esm-only: `exports` and `import` are all that the package has.
    const problems = (result.types === false ? [] : result.problems).filter((problem) => !('resolutionKind' in problem && /^(?:node10|node16-cjs)$/.test(problem.resolutionKind)));
    expect(result).toMatchObject({ types: { kind: 'included' } });
    expect(problems).toEqual([]);
  });

  it('opens by every door', () => {
    const doors = Object.keys(manifest.exports).filter((door) => !/\.json$|client$|runtime\/worker$/.test(door)).map((door) => `unplugin-quantize${door.slice(1)}`);
    expect(doors.length).toBeGreaterThan(10);
    const code = `const found = {}; for (const door of ${JSON.stringify(doors)}) found[door] = Object.keys(await import(door)); console.log(JSON.stringify(found));`;
    const { status, output } = run(['--input-type=module', '-e', code]);
    expect({ status, output }).toMatchObject({ status: 0 });
    for (const [door, names] of Object.entries(JSON.parse(output) as Record<string, string[]>)) expect([door, names.length > 0]).toEqual([door, true]);
  });

  it('has types for every door', () => {
    const doors = Object.keys(manifest.exports).filter((door) => !/\.json$|client$|webpack-loader$/.test(door));
    const imports = doors.map((door, i) => `import * as door${i} from 'unplugin-quantize${door.slice(1)}';\nexport { door${i} };`);
    writeFileSync(join(folder, 'doors.ts'), `${imports.join('\n')}\nimport model from './m.onnx?quantize';\nexport const hash: string = model.hash;\nimport quantize from 'unplugin-quantize/vite';\nexport const plugin = quantize({ format: 'int4' });\n// @ts-expect-error no such format\nquantize({ format: 'int5' });`);
    for (const moduleResolution of ['bundler', 'nodenext']) {
      const module = moduleResolution === 'bundler' ? 'esnext' : 'nodenext';
      const options = { strict: true, noEmit: true, target: 'es2022', module, moduleResolution, skipLibCheck: true, types: ['unplugin-quantize/client'], lib: ['es2023', 'dom', 'dom.iterable'] };
      writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions: options, files: ['doors.ts'] }));
      expect(run([bin('typescript', 'bin/tsc'), '-p', 'tsconfig.json'])).toEqual({ status: 0, output: '' });
    }
  });

  describe('builds', () => {
    let artefact: string;
    beforeAll(() => {
      const command = join(installed, manifest.bin['unplugin-quantize']!);
      const { status, output } = run([command, 'quantize', 'sentiment.onnx', '-o', 'cli.onnx', '--no-verify']);
      if (status !== 0) throw new Error(output);
      artefact = sha256(readFileSync(join(folder, 'cli.onnx')));
    });

    it.each(Object.entries(BUILDS))('by %s as the README says', (_, { file, args }) => {
      rmSync(join(folder, 'dist'), { recursive: true, force: true });
      writeFileSync(join(folder, file), block(file));
      const { status, output } = run(args);
      expect({ status, output }).toMatchObject({ status: 0 });
      const files = listFiles(join(folder, 'dist'));
      const hashes = files.filter((name) => name.endsWith('.onnx')).map((name) => sha256(readFileSync(join(folder, 'dist', name))));
      expect(hashes).toContain(artefact);
      expect(files.filter((name) => name.endsWith('.wasm'))).toHaveLength(1);
      expect(output).toContain('sentiment.onnx');
    });
  });
});
