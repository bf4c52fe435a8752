import { cac, type CAC } from 'cac';
import { QuantizeError } from '../errors.ts';
import { checkLimits, LIMITS, setProcessLimits } from '../limits.ts';
import { checkKey, type ModelOptions } from '../options.ts';
import { ownVersion } from '../pipeline/version.ts';
import { budgetFlags, kebab, modelFlags, modelOptionsOf, readBudget, readSamples, readTable } from './flags.ts';

const NAME = 'unplugin-quantize';
/** A report of several formats shows what each costs; nothing is to be held. */
const REPORT_LEAVES_OUT: readonly (keyof ModelOptions)[] = ['preset', 'format', 'budget', 'verify'];

/**
 * The work that the arguments ask for, not begun; undefined when help or version was printed.
 *
 * @throws QuantizeError OPTION_UNKNOWN, OPTION_INVALID for arguments that make no sense
 */
export function parseCommandLine(argv: readonly string[]): (() => Promise<void>) | undefined {
  const cli = define();
  cli.parse([...argv], { run: false });
  const { help, version: asksVersion } = cli.options as Record<string, unknown>;
  if (help || (asksVersion && cli.matchedCommandName === undefined)) return undefined;
  assertKnown(cli);
  const limits = readTable(cli.options as Record<string, unknown>, 'limits');
  checkLimits(limits, '--limits');
  setProcessLimits(limits ?? {});
  return () => run(cli);
}

function define(): CAC {
  const cli = cac(NAME);
  const quantize = cli.command('quantize <model>', 'write a quantized copy of an ONNX model')
    .usage('quantize <model> -o <file> [options]')
    .option('-o, --output <file>', 'where to write it')
    .example(`${NAME} quantize model.onnx -o model.int8.onnx --format int8 --calibration samples.ts --cosine 0.99`);
  for (const { raw, help } of modelFlags()) quantize.option(raw, help);
  quantize.option('--external-data', 'put large weights into a second file, <output>.data, as artefacts of 2 GiB and more need');
  quantize.option('--no-compare', 'do not run source and artefact on the samples to compare them');
  quantize.option('--baseline <file>', 'committed figures that the artefact is held against (default: quantize.lock.json, where it is there)');
  quantize.option('--update-baseline', 'accept what is found: write the baseline in place of comparing');
  quantize.option('--cache <folder>', 'keep results, and take those of earlier runs (default: none)');
  quantize.option('--remote-cache <address>', 'share results with other machines: redis://host, s3://bucket, https://host/path or a folder (default: UNPLUGIN_QUANTIZE_REMOTE_CACHE)');
  quantize.option('--json <file>', 'write the report as JSON').action(async (model: unknown, flags: Record<string, unknown>) => {
    const { runQuantize } = await import('./quantize.ts');
    const switches = { isSplit: flags['externalData'] === true, compares: flags['compare'] !== false };
    const path = text(flags, 'baseline');
    const baseline = { ...(path !== undefined && { path }), ...(flags['updateBaseline'] === true && { update: true }) };
    const [folder, remote] = [text(flags, 'cache'), text(flags, 'remoteCache')];
    const cache = { ...(folder !== undefined && { folder }), ...(remote !== undefined && { remote }) };
    await runQuantize({ cache, model: String(model), output: text(flags, 'output'), json: text(flags, 'json'), baseline, ...switches, options: modelOptionsOf(flags) });
  });
  cli.command('inspect <model>', 'show what a model consists of and what each format would reach')
    .option('--json', 'print JSON')
    .action(async (model: unknown, flags: Record<string, unknown>) => {
      const { runInspect } = await import('./inspect.ts');
      await runInspect(String(model), { json: flags['json'] === true });
    });
  const compare = cli.command('compare <reference> <model>', 'run two models on the same samples and show how far the second is from the first')
    .usage('compare <reference> <model> --samples <path> [options]')
    .option('--samples <path or JSON>', 'samples to run: a module, arrays, images, texts, sound, or a folder of them, or a JSON object that says more of them; inputs are generated without it')
    .option('--sample-limit <n>', 'the largest number of samples taken (default: 100)')
    .option('--evaluate <path>', 'a module that judges both models')
    .option('--targets <target>', 'compare in the engine of node or wasm (default: node)')
    .option('--json', 'print JSON')
    .example(`${NAME} compare model.onnx model.int8.onnx --samples samples.ts --cosine 0.99`)
    .action(async (reference: unknown, model: unknown, flags: Record<string, unknown>) => {
      const { runCompare } = await import('./compare.ts');
      const given = { calibration: readSamples(flags, 'samples'), sampleLimit: number(flags, 'sampleLimit'), evaluate: text(flags, 'evaluate'), targets: text(flags, 'targets')?.split(','), budget: readBudget(flags) };
      const options = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      await runCompare({ reference: String(reference), model: String(model), options: options as ModelOptions, json: flags['json'] === true });
    });
  for (const { raw, help } of budgetFlags()) compare.option(raw, help);
  cli.command('bench <...models>', 'time models in turn, each in a process of its own')
    .usage('bench <model> [<model>...] [options]')
    .option('--samples <path>', 'samples, of which the first is run; inputs are generated without it')
    .option('--backend <name>', 'node or wasm', { default: 'node' })
    .option('--threads <n>', 'threads of one run (default: the engine\'s own choice)')
    .option('--seconds <n>', 'about how long the models run together (default: 5)')
    .option('--json', 'print JSON')
    .example(`${NAME} bench model.onnx model.int8.onnx --threads 1`)
    .action(async (models: unknown, flags: Record<string, unknown>) => {
      const { runBench } = await import('./bench.ts');
      await runBench({
        models: [models].flat().map(String), samples: text(flags, 'samples'), backend: text(flags, 'backend') ?? 'node',
        threads: number(flags, 'threads'), seconds: number(flags, 'seconds'), json: flags['json'] === true,
      });
    });
  const report = cli.command('report <input>', 'write a report as .html, .md or .json: of a quantize-report.json, or of a model in several formats')
    .option('-o, --output <file>', 'where to write it; can be given several times')
    .option('--formats <a,b>', 'formats to try on a model (default: all)')
    .example(`${NAME} report quantize-report.json -o quantize-report.html`)
    .example(`${NAME} report model.onnx -o formats.html --formats int8,int4,fp16 --calibration samples.ts`);
  for (const { raw, help } of modelFlags(REPORT_LEAVES_OUT)) report.option(raw, help);
  report.action(async (input: unknown, flags: Record<string, unknown>) => {
    const { runReport } = await import('./report.ts');
    const formats = text(flags, 'formats')?.split(',').filter((format) => format !== '');
    await runReport({ input: String(input), outputs: [flags['output'] ?? []].flat().map(String), formats, options: modelOptionsOf(flags) });
  });
  cli.option('--limits <name=number,...>', `what a model may ask for: ${Object.keys(LIMITS).join(', ')}`);
  cli.help();
  cli.version(ownVersion());
  return cli;
}

function text(flags: Record<string, unknown>, name: string): string | undefined {
  const value = [flags[name]].flat().at(-1);
  return value === undefined ? undefined : String(value);
}

/** NaN for what is no number. */
function number(flags: Record<string, unknown>, name: string): number | undefined {
  const value = text(flags, name);
  return value === undefined ? undefined : Number(value);
}

function assertKnown(cli: CAC): void {
  const command = cli.matchedCommand;
  if (command === undefined) {
    const asked = cli.args[0];
    const hint = `Run ${NAME} --help.`;
    if (asked === undefined) throw new QuantizeError('OPTION_INVALID', `Which command? There are ${cli.commands.map(({ name }) => name).join(', ')}.`, { hint });
    checkKey(String(asked), cli.commands.map(({ name }) => name), 'command');
    return;
  }
  const known = [...command.options, ...cli.globalCommand.options].flatMap(({ names }) => names).map(dashed);
  for (const name of Object.keys(cli.options)) if (name !== '--') checkKey(dashed(name), known, 'flag');
}

function dashed(name: string): string {
  return name.length === 1 ? `-${name}` : `--${kebab(name)}`;
}

async function run(cli: CAC): Promise<void> {
  try {
    await cli.runMatchedCommand();
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'CACError') throw error;
    throw new QuantizeError('OPTION_INVALID', `${error.message[0]!.toUpperCase()}${error.message.slice(1)}.`, {
      hint: `Run ${NAME} ${cli.matchedCommandName ?? ''} --help.`.replace('  ', ' '),
      cause: error,
    });
  }
}
