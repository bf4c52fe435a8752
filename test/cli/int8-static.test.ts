import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeNode } from '../../packages/unplugin-quantize/src/graph/index.ts';
import type { ModelReport } from '../../packages/unplugin-quantize/src/types.ts';
import { buildBytes, floats } from '../support/build-model.ts';
import { distFolder, hasDist, runNode, type ProgramResult } from '../support/dist.ts';
import { weight } from '../support/integer-arithmetic.ts';
import { runModel, seededFloats } from '../support/run-model.ts';

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'static-')));
  writeFileSync(join(folder, 'net.onnx'), network());
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const PADS = { pads: [1, 1, 1, 1] };

/** Two convolutions with a square root between, which makes NaN of negative numbers, and a table that is looked up. */
function network(): Uint8Array {
  return buildBytes({
    nodes: [
      makeNode('Sqrt', ['x'], ['s'], {}, { name: 'root' }), makeNode('Conv', ['s', 'w', 'b'], ['c'], PADS, { name: 'first' }), makeNode('Relu', ['c'], ['r']),
      makeNode('Conv', ['r', 'v'], ['d'], PADS, { name: 'second' }), makeNode('Gather', ['t', 'i'], ['g']), makeNode('Add', ['d', 'g'], ['y']),
    ],
    initializers: { w: weight([16, 3, 3, 3]), b: weight([16], 2), v: weight([16, 16, 3, 3], 3), t: floats([4, 1, 1], [0, 1, 2, 3]) },
    inputs: { x: 'float32[N,3,H,W]', i: 'int64[]' }, outputs: { y: 'float32[N,16,H,W]' },
  });
}

/** Samples by the JavaScript that gives each one's pixels; `H` and `W` are 8. */
function samples(...pixels: string[]): string {
  return samplesModule(pixels.map((value, i) => `yield image(${value}, ${i});`).join('\n'));
}

function samplesModule(body: string, side = 8): string {
  writeFileSync(join(folder, 'samples.mjs'), `
    const image = (value, i, index = 1n) => ({
      x: { data: Float32Array.from({ length: 3 * ${side * side} }, (_, k) => (typeof value === 'function' ? value(k) : value)), dims: [1, 3, ${side}, ${side}] },
      i: { data: BigInt64Array.of(index), dims: [] },
    })
    export default function* () { ${body} }`);
  return 'samples.mjs';
}

const quantize = (model: string, ...args: string[]): Promise<ProgramResult> =>
  runNode([join(distFolder, 'cli/main.js'), 'quantize', model, '-o', 'out.onnx', '--format', 'int8-static', '--json', 'r.json', ...args], { cwd: folder });
const report = (): ModelReport => (JSON.parse(readFileSync(join(folder, 'r.json'), 'utf8')) as { models: ModelReport[] }).models[0]!;

/** Nothing but what was there before. */
function expectNothingWritten(): void {
  expect(readdirSync(folder).filter((name) => !['net.onnx', 'samples.mjs'].includes(name))).toEqual([]);
}

const varied = Array.from({ length: 8 }, (_, i) => `(k) => (k * ${i + 3}) % 7 / 7`);

describe.skipIf(!hasDist)('int8-static on the command line (needs the built package)', () => {
  it('makes an artefact that runs, and says how much of it is integers', async () => {
    const { code, stderr } = await quantize('net.onnx', '--calibration', samples(...varied));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const { format, integerShare, accuracy, checks, notes } = report();
    expect({ format, share: integerShare!.share, notes }).toEqual({ format: 'int8-static', share: 1, notes: [] });
    expect(accuracy!.samples).toBe(8);
    expect(accuracy!.outputs[0]!.cosine).toBeGreaterThan(0.99);
    expect(checks.map(({ outcome }) => outcome)).toEqual(['ran', 'ran']);
  });

  it('only calibrates on the samples with --no-compare, which no budget may need', async () => {
    const given = ['--calibration', samples(...varied), '--no-verify', '--no-compare'];
    expect(await quantize('net.onnx', ...given)).toMatchObject({ code: 0, stderr: '' });
    expect([report().accuracy, report().integerShare!.share]).toEqual([null, 1]);
    rmSync(join(folder, 'out.onnx'));
    const refused = await quantize('net.onnx', ...given, '--cosine', '0.9');
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('"cosine" needs the comparison that --no-compare leaves out')]);
    expect(existsSync(join(folder, 'out.onnx'))).toBe(false);
  });

  it('takes samples whose arrays are filled anew for each', async () => {
    const made = async (body: string): Promise<Buffer> => {
      samplesModule(body);
      expect(await quantize('net.onnx', '--calibration', 'samples.mjs', '--no-verify', '--no-compare')).toMatchObject({ code: 0, stderr: '' });
      const bytes = readFileSync(join(folder, 'out.onnx'));
      rmSync(join(folder, 'out.onnx'));
      return bytes;
    };
    const fresh = await made(`for (let i = 0; i < 12; i++) yield image((k) => (k * (i + 3)) % 7 / (7 + i), i);`);
    const reused = await made(`const one = image(0, 0); for (let i = 0; i < 12; i++) { one.x.data.forEach((_, k) => (one.x.data[k] = (k * (i + 3)) % 7 / (7 + i))); yield one; }`);
    expect(Buffer.compare(fresh, reused)).toBe(0);
  });

  it('rounds weights by what that does to outputs with --reconstruct', async () => {
    const noise = (name: string): number => {
      copyFileSync(join(folder, 'out.onnx'), join(folder, name));
      return report().accuracy!.outputs[0]!.sqnr!;
    };
    const given = ['--calibration', samples(...varied)];
    await quantize('net.onnx', ...given);
    const nearest = noise('nearest.onnx');
    expect(await quantize('net.onnx', ...given, '--reconstruct')).toMatchObject({ code: 0, stderr: '' });
    expect(noise('reconstructed.onnx')).toBeGreaterThan(nearest);
    const [a, b] = ['nearest.onnx', 'reconstructed.onnx'].map((name) => readFileSync(join(folder, name)));
    expect(b!.byteLength).toBe(a!.byteLength);
  });

  it('refuses to go without samples', async () => {
    const { code, stderr } = await quantize('net.onnx');
    expect([code, stderr]).toEqual([2, expect.stringMatching(/int8-static fixes the scales of activations by samples, and there are none\. \[SAMPLES_NOT_FOUND\][^]*hint: Give samples/)]);
    expectNothingWritten();
  });

  const refused: [string, () => string, RegExp][] = [
    ['an empty module', () => samples(), /The samples are empty: not one was given\. \[SAMPLES_INVALID\]/],
    ['a sample that makes NaN, naming node and tensor', () => samples('1', '2', '-1'), /In sample 2 the tensor "\w+" has values that are NaN or infinite: no range holds them\. \[SAMPLES_INVALID\]\n {2}model: net\.onnx\n {2}node: (root|first|second)\n {2}hint: /],
    ['a sample of infinities', () => samples('1', 'Infinity'), /In sample 1 the tensor "\w+" has values that are NaN or infinite[^]*node: /],
    ['a sample that cannot be made, in the middle', () => samplesModule("yield image(1); yield image(2); throw new Error('the disk is gone')"), /sample 2: the disk is gone/],
    ['a sample of another shape, in the middle', () => samplesModule('yield image(1); const odd = image(2); odd.x.dims = [1, 2, 12, 8]; yield odd; yield image(3)'), /Sample 1 does not fit the input "x"/],
    ['a sample that the model fails on, in the middle', () => samplesModule('yield image(1); yield image(2, 0, 9n); yield image(3)'), /Sample 1 does not run in the source model: [^]*Gather[^]*hint: /],
  ];
  it.each(refused)('refuses %s, and leaves nothing behind', async (_, calibration, message) => {
    const { code, stderr } = await quantize('net.onnx', '--calibration', calibration());
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
    expectNothingWritten();
  });

  it('notes that there are few samples', async () => {
    const { code } = await quantize('net.onnx', '--calibration', samples(...varied.slice(0, 3)), '--no-verify');
    expect([code, report().notes]).toEqual([0, ['Calibrated on 3 samples only: give at least 8, better 100, of the kind that users will have.']]);
  });

  it.each(['0', '3'])('takes activations that are always %s', async (value) => {
    const { code, stderr } = await quantize('net.onnx', '--calibration', samples(...Array<string>(8).fill(value)));
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(report().accuracy!.outputs[0]!.cosine).toBeGreaterThan(0.999);
  });

  it.each([['mse', /(the few are clipped at|8 bits are coarse for those\. The range ends at) \d+\.?\d*\.$/], ['minmax', /8 bits are coarse for those\. Another calibrationMethod clips the few\.$/]])('warns of a range with outliers, by the name of the tensor: %s', async (method, end) => {
    const pictures = Array.from({ length: 8 }, (_, i) => `yield image((k) => (k === ${1000 + i} ? 1e6 : (k * ${i + 3}) % 7 / 7));`).join('\n');
    const { code, stdout } = await quantize('net.onnx', '--calibration', samplesModule(pictures, 100), '--no-verify', '--no-equalize', '--calibration-method', method);
    expect(code).toBe(0);
    // Square roots of numbers below 1, and of a million.
    const warning = report().notes.find((note) => note.startsWith('Values of "s" reach 1.00e+3, but 99.99 % of them no further than '));
    expect(warning).toMatch(end);
    expect(stdout).toContain('Values of "s" reach');
  });
});

describe.skipIf(!hasDist)('models with integers on the command line (need the built package)', () => {
  const x = seededFloats([1, 8, 10, 10], 5);
  const calibration = (): string => {
    writeFileSync(join(folder, 'x.mjs'), 'export default function* () { for (let i = 1; i < 9; i++) yield { x: { data: Float32Array.from({ length: 800 }, (_, k) => Math.sin(i * k)), dims: [1, 8, 10, 10] } } }');
    return 'x.mjs';
  };
  const given = (name: string): Uint8Array => {
    copyFileSync(new URL(`../reference/qat/${name}.onnx`, import.meta.url), join(folder, `${name}.onnx`));
    return readFileSync(join(folder, `${name}.onnx`));
  };

  it.each(['torch', 'tf', 'brevitas'])('keep what %s trained, as integers, and compute the same', async (name) => {
    const source = given(name);
    for (const args of [['--format', 'int8'], ['--calibration', calibration()], ['--format', 'int8', '--calibration', calibration()]]) {
      const { code, stderr } = await quantize(`${name}.onnx`, ...args);
      expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
      expect(report().notes).toContainEqual(expect.stringMatching(/^The model was trained for quantization: \d weights are stored as integers with the scales and zero points of the training\.$/));
      const artefact = readFileSync(join(folder, 'out.onnx'));
      expect(artefact.byteLength).toBeLessThan(source.byteLength);
      expect((await runModel(artefact, { x }))['y']).toEqual((await runModel(source, { x }))['y']);
    }
  });

  it('get integers where a half-quantized one lacks them', async () => {
    given('half');
    const { code } = await quantize('half.onnx', '--format', 'int8');
    expect(code).toBe(0);
    expect(report().notes).toContainEqual(expect.stringMatching(/without integers got some, because what they are multiplied with is quantized by the model\.$/));
  });

  it.each(['qdq', 'qoperator'])('are left as they are where all is quantized, with a message: %s', async (name) => {
    const source = given(name);
    for (const args of [['--format', 'int8'], ['--calibration', calibration()], []]) {
      const { code, stdout } = await quantize(`${name}.onnx`, ...args);
      expect([code, report().format]).toEqual([0, 'none']);
      expect(stdout).toContain('The model is quantized already');
      expect(new Uint8Array(readFileSync(join(folder, 'out.onnx')))).toEqual(new Uint8Array(source));
    }
  });
});
