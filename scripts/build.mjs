// Builds packages/unplugin-quantize/dist: declarations by tsc, one for each source; the code by Rolldown in few files, because a command's
// or plugin's start is mostly the time that Node takes to load modules.
import { spawnSync } from 'node:child_process';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { rolldown } from 'rolldown';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const PACKAGE = join(ROOT, 'packages/unplugin-quantize');
const SOURCE = join(PACKAGE, 'src');
const DIST = join(PACKAGE, 'dist');
/** The new dist is made here and then renamed, so that nothing ever sees half of one, even where two builds run at once. */
const NEXT = join(PACKAGE, `node_modules/.dist-${process.pid}`);

/**
 * A dependency that becomes part of our files (THIRD-PARTY-LICENSES has its licence): Node takes 65 ms to load its 65 modules. It stays
 * a dependency, because our declarations name its types.
 */
const INLINED = '@bufbuild/protobuf';

/** Doors that browsers load too, each bundled by itself. Pages load parts of the first one only when they need them; the others are one file. */
const WEB_DOORS = ['runtime/index.web', 'runtime/index.node', 'runtime/worker.web', 'core.web'];
const SPLIT_DOOR = 'runtime/index.web';

/** What this door loads goes into two files: Node takes about a millisecond for each one. */
const TYPICAL_DOOR = 'rollup';

/** Rooms that programs of the tests import. */
const INNER_DOORS = ['onnx/index', 'options', 'pipeline/index', 'pipeline/files/file-source', 'report/schema/report-schema'];

/** `pipeline/workers/workers.ts`, which ends up in a chunk, starts them by a path beside its own. */
const WORKERS = ['quantize.worker', 'measure.worker', 'latency.worker', 'remote.worker', 'engine.worker'];

async function build() {
  try {
    declare();
    await bundleAll();
    await writeSchema();
    rmSync(DIST, { recursive: true, force: true });
    renameSync(NEXT, DIST);
  } finally {
    rmSync(NEXT, { recursive: true, force: true });
  }
}

function declare() {
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', join(PACKAGE, 'tsconfig.build.json'), '--outDir', NEXT], { stdio: 'inherit' });
  if (status !== 0) throw new Error('The declarations have errors.');
}

async function bundleAll() {
  const { exports, bin, dependencies, peerDependencies } = JSON.parse(readFileSync(join(PACKAGE, 'package.json'), 'utf8'));
  const external = [...Object.keys(dependencies), ...Object.keys(peerDependencies)]
    .filter((name) => name !== INLINED)
    .map((name) => new RegExp(`^${name}(/|$)`));
  const doors = modulesIn({ exports, bin }).filter((door) => !WEB_DOORS.includes(door));
  const rooms = [...doors, ...INNER_DOORS].map((door) => [door, join(SOURCE, `${door}.ts`)]);
  const workers = WORKERS.map((name) => [`chunks/${name}`, join(SOURCE, `pipeline/workers/${name}.ts`)]);
  const options = { external, cwd: ROOT, platform: 'node', onLog: refuse };
  const together = await loadedBy({ ...options, input: join(SOURCE, `${TYPICAL_DOOR}.ts`) });
  const codeSplitting = { groups: [{ name: 'common', test: (id) => together.has(id) && !id.startsWith(join(SOURCE, 'plugin')) }, { name: 'plugin', test: (id) => together.has(id) }] };
  const files = await write({ ...options, input: Object.fromEntries([...rooms, ...workers]) }, { chunkFileNames: 'chunks/[name].js', codeSplitting });
  if (files.some(({ name, moduleIds }) => name === 'common' && moduleIds.some((id) => id.includes(INLINED)))) {
    throw new Error('Doors load the reader of models at once, which a build with a warm cache does not need: something imports too much of onnx/.');
  }
  for (const door of WEB_DOORS) {
    const parts = door === SPLIT_DOOR ? { chunkFileNames: 'runtime/parts/[name].js' } : { codeSplitting: false };
    await write({ ...options, input: { [door]: join(SOURCE, `${door}.ts`) } }, parts);
  }
}

/** The modules that an entry loads at once. */
async function loadedBy(input) {
  const bundle = await rolldown(input);
  const { output } = await bundle.generate({ format: 'es' });
  await bundle.close();
  const chunks = new Map(output.map((chunk) => [chunk.fileName, chunk]));
  const loaded = new Set([output[0]]);
  for (const chunk of loaded) for (const name of chunk.imports) if (chunks.has(name)) loaded.add(chunks.get(name));
  return new Set([...loaded].flatMap(({ moduleIds }) => moduleIds.filter((id) => id !== output[0].facadeModuleId)));
}

async function write(input, output) {
  const bundle = await rolldown(input);
  const { output: files } = await bundle.write({ dir: NEXT, format: 'es', entryFileNames: '[name].js', comments: { jsdoc: false }, ...output });
  await bundle.close();
  return files;
}

/** The schema of quantize-report.json is kept as code, so that the compiler holds it against the types. */
async function writeSchema() {
  const { REPORT_SCHEMA } = await import(pathToFileURL(join(NEXT, 'report/schema/report-schema.js')).href);
  writeFileSync(join(NEXT, 'report.schema.json'), `${JSON.stringify(REPORT_SCHEMA, null, 2)}\n`);
}

/** The paths below dist of all modules that package.json names. */
function modulesIn(value) {
  if (typeof value === 'string') return /^\.\/dist\/(.+)(?<!\.d)\.js$/.exec(value)?.slice(1) ?? [];
  return [...new Set(Object.values(value).flatMap(modulesIn))];
}

function refuse(level, log) {
  if (level === 'warn') throw new Error(log.message);
}

await build();
