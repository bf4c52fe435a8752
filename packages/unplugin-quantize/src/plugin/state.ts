import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { checkCache, type CacheSpec } from '../cache-options.ts';
import { locateSamples, watchedPlaces } from '../calibrate/index.ts';
import { isGateError, QuantizeError } from '../errors.ts';
import { checkBaseline, checkKey, isRegExp, MODEL_OPTIONS, type OnnxruntimeBuild, type Options, type ResolvedModelOptions } from '../options.ts';
import { annotateError, annotateWarning, createPipeline, locateEvaluator, openBaseline, summarizeForGitHub, watchedByEvaluator, writeReports, type Compression, type Delivery, type NamedFile, type Pipeline, type PipelineResult, type VariantResult } from '../pipeline/index.ts';
import { displayName } from '../pipeline/display-name.ts';
import { createSettings, type FindSettings } from '../pipeline/settings/index.ts';
import { checkResources, resourcesOf } from '../resource-options.ts';
import { reportFiles, type ReportFile } from '../report-files.ts';
import { formatTable } from '../report/index.ts';
import type { ModelReport } from '../types.ts';
import { checkDelivery } from './delivery-options.ts';
import { buildProgress } from './build-progress.ts';
import { createDeclarations, type Declarations } from './dts/index.ts';
import { firstVisitOf } from './first-visit.ts';
import { isolationHeaders } from './isolation.ts';
import { chosenBuild } from './onnxruntime-build.ts';
import type { WasmPart } from './onnxruntime-wasm.ts';
import { DEFAULT_TARGETS, type Platform } from './platform.ts';
import type { ModelRequest } from './request.ts';

const CACHE_FOLDER = 'node_modules/.cache/unplugin-quantize';

const DECLARATIONS_FILE = 'quantize.d.ts';

/** Options that are not a model's. */
const PLUGIN_OPTIONS = ['models', 'dts', 'onnxruntime', 'compress', 'maxFileBytes', 'precompress', 'crossOriginIsolation', 'cache', 'report', 'baseline', 'workers', 'memoryLimit', 'limits'];

/**
 * What one instance of the plugin keeps between hooks: the pipeline, which several builds share (Vite's client and server), and the
 * reports of the models that each build asked for.
 */
export class PluginState {
  /** Relative paths start here; the bundler may know better than the working directory. */
  root = process.cwd();
  /** False for a dev server, which shows the report as a page. */
  writesReports = true;
  /** Whether the bundler was told to print less than what it does. */
  isQuiet = false;
  warn: (message: string) => void = (message) => process.emitWarning(message, 'unplugin-quantize');
  /** Headers for pages of dev servers. */
  readonly isolation: Readonly<Record<string, string>>;
  /** Undefined where none are wanted. */
  readonly declarations: Declarations | undefined;
  readonly #progress = buildProgress(() => this.isQuiet);
  readonly #options: Options;
  readonly #findSettings: FindSettings;
  readonly #build: OnnxruntimeBuild | undefined;
  #pipeline: Pipeline | undefined;
  /** Scope of a build, then file and options, to report. */
  readonly #reports = new Map<string, Map<string, ModelReport[]>>();
  /** What was printed, summarized or complained of before. */
  readonly #told = new Set<string>();
  /** Artefacts of models that break their budget, by the model's name. */
  readonly #broken = new Map<string, readonly ModelReport[]>();
  #warned = false;
  /** Reports as the pipeline knows them, by those that have been held against the baseline. */
  readonly #beforeBaseline = new WeakMap<ModelReport, ModelReport>();
  readonly #files: ReportFile[];

  /** @throws QuantizeError OPTION_UNKNOWN, OPTION_INVALID */
  constructor(options: Options) {
    for (const key of Object.keys(options)) checkKey(key, [...Object.keys(MODEL_OPTIONS), ...PLUGIN_OPTIONS], 'option');
    const { models, dts = false, onnxruntime: _onnxruntime, compress: _compress, maxFileBytes: _maxFileBytes, precompress: _precompress, crossOriginIsolation, cache: _cache, report: _report, baseline, workers: _workers, memoryLimit: _memoryLimit, limits: _limits, ...defaults } = options;
    this.#build = chosenBuild(options);
    checkDelivery(options);
    checkResources(options);
    this.isolation = isolationHeaders(crossOriginIsolation);
    if (dts !== false) {
      const path = dts === true ? DECLARATIONS_FILE : dts;
      if (typeof path !== 'string' || !path.endsWith('.d.ts')) throw new QuantizeError('OPTION_INVALID', `"dts" is ${JSON.stringify(dts)}, which is neither true, false nor a path that ends in .d.ts.`, { option: 'dts' });
      this.declarations = createDeclarations({ path, root: () => this.root, warn: (message) => this.warn(message) });
    }
    checkBaseline(baseline);
    checkCache(options.cache);
    this.#findSettings = createSettings(defaults, models);
    this.#files = reportFiles(options.report);
    this.#options = options;
  }

  /** The build of onnxruntime-web that all imports of it lead to; undefined where they stay as they are. */
  get onnxruntime(): OnnxruntimeBuild | undefined {
    return this.#build;
  }

  /** Changes with the options that decide what is built. */
  get digest(): string {
    // Where results are kept decides nothing, and a storage has no JSON.
    const { cache: _cache, ...deciding } = this.#options;
    const text = JSON.stringify(deciding, (_, value: unknown) => (isRegExp(value) || typeof value === 'bigint' ? String(value) : value));
    return createHash('sha256').update(text).digest('hex').slice(0, 8);
  }

  /** Forgets the models of the scope's last build. */
  begin(scope: string): void {
    this.#reports.set(scope, new Map());
    this.#broken.clear();
  }

  /**
   * @param platform where the build's output runs, which decides for what a model is made that nobody named targets for
   * @throws QuantizeError OPTION_UNKNOWN, OPTION_INVALID for what is written beside the model
   */
  async settingsOf({ file, options, url }: ModelRequest, platform: Platform): Promise<ResolvedModelOptions> {
    const { options: all } = await this.#findSettings(this.root, file, options, { targets: [...DEFAULT_TARGETS[platform]] });
    // A URL is that of one file.
    return url ? { ...all, targets: all.targets?.slice(0, 1) } : all;
  }

  /** Absolute paths of files and folders that have the samples and the evaluator of a model. */
  async samplesOf({ calibration, evaluate }: ResolvedModelOptions): Promise<string[]> {
    const samples = calibration === undefined ? [] : await watchedPlaces(locateSamples(calibration, this.root));
    const evaluator = evaluate === undefined ? [] : await watchedByEvaluator(locateEvaluator(evaluate, this.root));
    return [...samples, ...evaluator];
  }

  /** @throws QuantizeError see `Pipeline.quantizeFile` */
  async quantize(scope: string, file: string, options: ResolvedModelOptions): Promise<PipelineResult> {
    this.#pipeline ??= this.#createPipeline();
    if (options.targets?.includes('webgpu') && this.#build === 'wasm' && !this.#warned) {
      this.#warned = true;
      this.warn('A model is for WebGPU, and the build of onnxruntime-web is the one for CPUs: name webgpu in the `targets` of the plugin, or set `onnxruntime`.');
    }
    const key = JSON.stringify([file, options]);
    if (!this.#reports.has(scope)) this.begin(scope);
    try {
      const result = await this.#held(await this.#pipeline.quantizeFile(file, options), options);
      this.#broken.delete(result.report.name);
      this.#reports.get(scope)!.set(key, result.variants.map(({ report }) => report));
      return result;
    } catch (error) {
      await this.#announce(error, file);
      throw error;
    } finally {
      this.#progress.end(displayName(this.root, file));
    }
  }

  /** A dev server serves what does not hold its baseline: only builds are gates. */
  async #held(result: PipelineResult, { onFail }: ResolvedModelOptions): Promise<PipelineResult> {
    if (!this.writesReports) return result;
    const baseline = openBaseline(this.#options.baseline, this.root);
    const hold = async (report: ModelReport): Promise<ModelReport> => {
      let worse = report;
      try {
        return await baseline.hold(report, (compared) => (worse = compared));
      } catch (error) {
        if (!isGateError(error)) throw error;
        if (onFail === 'warn') {
          this.warn(error.message);
          return worse;
        }
        this.#beforeBaseline.set(worse, report);
        this.#broken.set(report.name, [...(this.#broken.get(report.name) ?? []), worse]);
        throw error;
      }
    };
    const variants = await Promise.all(result.variants.map(async (variant) => ({ ...variant, report: await hold(variant.report) })));
    variants.forEach(({ report }, i) => this.#beforeBaseline.set(report, result.variants[i]!.report));
    return { ...result, variants, report: variants[0]!.report };
  }

  /** The reports of all builds, those of models that break their budget too. */
  get reports(): ModelReport[] {
    const held = [...this.#reports.values()].flatMap((models) => [...models.values()].flat());
    return distinct([...held, ...[...this.#broken.values()].flat()]);
  }

  /** How a variant is published, which its report tells too. What runs in Node lies on a disk, so that it is published as it is. */
  async deliver({ file, report, targets }: VariantResult): Promise<Delivery> {
    const { artefact: { bytes, sha256 } } = report;
    const pipeline = this.#pipeline!;
    const { compress = false, maxFileBytes } = this.#options;
    const isDownloaded = targets.some((target) => DEFAULT_TARGETS.browser.includes(target));
    if (!isDownloaded) return pipeline.deliver({ file, bytes, sha256 }, { compress: false });
    const delivery = await pipeline.deliver({ file, bytes, sha256 }, { compress, maxFileBytes });
    const visit = this.#build && (await firstVisitOf(this.root, this.#build, delivery, report, (path) => pipeline.compressedSizes(path)));
    if (visit !== undefined) report.firstVisit = visit;
    return delivery;
  }

  /** True where files for browsers have to stay below a size. */
  get isLimited(): boolean {
    return this.#options.maxFileBytes !== undefined;
  }

  /** The files that a .wasm file is published as. */
  async wasmParts(path: string): Promise<WasmPart[]> {
    const { maxFileBytes = Infinity } = this.#options;
    const { size: bytes } = await stat(path);
    const name = basename(path);
    const sha256 = createHash('sha256').update(await readFile(path)).digest('hex');
    if (bytes <= maxFileBytes) return [{ file: path, name, sha256 }];
    this.#pipeline ??= this.#createPipeline();
    const { files } = await this.#pipeline.deliver({ file: path, bytes, sha256 }, { compress: false, maxFileBytes });
    return files.map((part, i) => ({ file: part.file, sha256: part.sha256, name: name.replace(/\.wasm$/, `.${i + 1}.wasm`) }));
  }

  /** Compressed files that are wanted beside published ones. */
  get precompress(): readonly Compression[] {
    return [...new Set(this.#options.precompress ?? [])];
  }

  /** @returns a path; see `Pipeline.compress` */
  compress(bytes: Uint8Array, compression: Compression): Promise<string> {
    this.#pipeline ??= this.#createPipeline();
    return this.#pipeline.compress(bytes, compression);
  }

  /** @returns a path; see `Pipeline.named` */
  named(file: NamedFile): Promise<string> {
    this.#pipeline ??= this.#createPipeline();
    return this.#pipeline.named(file);
  }

  /** Prints what has not been printed and writes the report's file: at the end of a build that wrote its output. */
  async finish(print: (table: string) => void): Promise<void> {
    await this.declarations?.write();
    const table = this.table(this.reports);
    if (table !== '') print(table);
    if (this.writesReports) await openBaseline(this.#options.baseline, this.root).update(this.reports);
    await this.#write();
  }

  async #write(): Promise<void> {
    const { reports } = this;
    if (reports.length === 0 || !this.writesReports) return;
    const shown = this.#files.some(({ kind }) => kind === 'html') ? await this.describe(reports) : reports;
    await writeReports(this.#files, this.root, shown);
    const news = new Set(this.#news('summary', reports));
    await summarizeForGitHub(shown.filter((_, i) => news.has(reports[i]!)));
  }

  /** Those of the reports that this was not asked for before. */
  #news(use: 'table' | 'summary', reports: readonly ModelReport[]): ModelReport[] {
    const keyed = reports.map((report) => ({ report, key: `${use} ${JSON.stringify(report)}` })).filter(({ key }) => !this.#told.has(key));
    for (const { key } of keyed) this.#told.add(key);
    return keyed.map(({ report }) => report);
  }

  /** A build that fails ends here: what is known by then is written, because people want to see why. */
  async #announce(error: unknown, file: string): Promise<void> {
    const message = error instanceof Error ? error.message : String(error);
    if (!this.#told.has(`error ${message}`)) annotateError(error, file);
    this.#told.add(`error ${message}`);
    if (!isGateError(error)) return;
    await this.#write().catch((problem: unknown) => this.warn(problem instanceof Error ? problem.message : String(problem)));
  }

  /** The reports with a closer look at each artefact. */
  async describe(reports: readonly ModelReport[]): Promise<ModelReport[]> {
    return Promise.all(reports.map(async (report) => {
      const { details } = (await this.#pipeline?.describe(this.#beforeBaseline.get(report) ?? report)) ?? report;
      return details === undefined ? report : { ...report, details };
    }));
  }

  /** The table of those reports that have not been printed before; empty where there are none. */
  table(reports: readonly ModelReport[]): string {
    const sorted = this.#news('table', reports).toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    return formatTable(sorted, { color: process.stdout.isTTY && process.stdout.hasColors() });
  }

  /** Stops the workers. A later request starts them again. */
  async close(): Promise<void> {
    this.#progress.clear();
    const pipeline = this.#pipeline;
    this.#pipeline = undefined;
    await pipeline?.close();
  }

  #createPipeline(): Pipeline {
    const { cache = CACHE_FOLDER } = this.#options;
    const { folder = CACHE_FOLDER, remote, maxBytes }: CacheSpec = typeof cache === 'object' ? cache : { folder: cache };
    return createPipeline({
      root: this.root,
      cacheDir: folder,
      remote,
      ...resourcesOf({ ...this.#options, maxBytes }),
      onProgress: (event) => {
        if (event.kind === 'broken') this.#broken.set(event.reports[0]!.name, event.reports);
        if (event.kind !== 'warning') {
          this.#progress.show(event);
          return;
        }
        this.#progress.clear();
        this.warn(event.message);
        annotateWarning(event.message);
      },
    });
  }
}

function distinct(reports: readonly ModelReport[]): ModelReport[] {
  return [...new Map(reports.map((report) => [JSON.stringify(report), report])).values()];
}
