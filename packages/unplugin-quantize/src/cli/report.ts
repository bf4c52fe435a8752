import { readFileSync } from 'node:fs';
import { QuantizeError, systemErrorCode } from '../errors.ts';
import { checkKey, FORMATS, resolveModelOptions, SAMPLED_FORMATS, type ModelOptions } from '../options.ts';
import { createPipeline, writeReports, type Pipeline } from '../pipeline/index.ts';
import { kindOf } from '../report-files.ts';
import { formatTable, parseReport } from '../report/index.ts';
import type { Budget, Format, ModelReport } from '../types.ts';
import { hasColor, print } from './print.ts';

export interface ReportArguments {
  /** A quantize-report.json, or a model to try formats on. */
  input: string;
  outputs: string[];
  /** Formats to try; every one where none is named. */
  formats: string[] | undefined;
  options: ModelOptions;
}

/**
 * Writes a report in another form, or that of a model in several formats, which shows what each costs in accuracy.
 *
 * @throws QuantizeError OPTION_INVALID, REPORT_INVALID, and whatever is wrong with the model
 */
export async function runReport({ input, outputs, formats, options }: ReportArguments): Promise<void> {
  if (outputs.length === 0) throw new QuantizeError('OPTION_INVALID', 'Where to? The output file is missing.', { option: '--output', hint: 'Say -o quantize-report.html; .md and .json work too.' });
  const files = outputs.map((path) => ({ kind: kindOf(path), path }));
  const isModel = input.toLowerCase().endsWith('.onnx');
  if (!isModel && formats !== undefined) throw new QuantizeError('OPTION_INVALID', 'Formats can be tried on a model; this is a report.', { option: '--formats', hint: 'Give the .onnx file in place of the report.' });
  const reports = isModel ? await tryFormats(input, formatsOf(formats, options), options, files.some(({ kind }) => kind === 'html')) : parseReport(readText(input), input);
  await writeReports(files, '.', reports);
  print([formatTable(reports, { color: hasColor(process.stdout) }), ...outputs.map((path) => `wrote ${path}`)].filter((text) => text !== '').join('\n'));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new QuantizeError('REPORT_INVALID', `The report cannot be read (${systemErrorCode(cause) ?? String(cause)}).`, { option: path, cause });
  }
}

function formatsOf(asked: string[] | undefined, { calibration }: ModelOptions): Format[] {
  const all = Object.keys(FORMATS) as Format[];
  for (const format of asked ?? []) checkKey(format, all, 'format');
  if (asked !== undefined) return [...new Set(asked)] as Format[];
  return all.filter((format) => format !== 'none' && (calibration !== undefined || !SAMPLED_FORMATS.includes(format)));
}

async function tryFormats(model: string, formats: readonly Format[], options: ModelOptions, isDescribed: boolean): Promise<ModelReport[]> {
  const pipeline = createPipeline({ root: '.', cacheDir: false });
  try {
    const reports: ModelReport[] = [];
    for (const format of formats) {
      const report = await tryFormat(pipeline, model, { ...options, format });
      if (report instanceof QuantizeError) {
        // With one format there is nothing else to show.
        if (formats.length === 1 || report.code.startsWith('MODEL_NOT')) throw report;
        print(`${format} cannot be made: ${report.what}`);
      } else reports.push({ ...(isDescribed ? await pipeline.describe(report) : report), budget: [] });
    }
    if (reports.length === 0) throw new QuantizeError('OPTION_INVALID', 'None of the formats can be made of this model.', { option: '--formats', model });
    return reports;
  } finally {
    await pipeline.close();
  }
}

/** A limit that makes outputs be compared, and that nothing breaks. */
const ALWAYS_HELD: Budget = { cosine: -2 };

/** Outputs are compared on generated inputs where there are no samples: with no comparison at all there would be nothing to plot. */
async function tryFormat(pipeline: Pipeline, model: string, options: ModelOptions): Promise<ModelReport | QuantizeError> {
  try {
    return (await pipeline.quantizeFile(model, { ...resolveModelOptions(options), budget: ALWAYS_HELD })).report;
  } catch (error) {
    if (error instanceof QuantizeError) return error;
    throw error;
  }
}
