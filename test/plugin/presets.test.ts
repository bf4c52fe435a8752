import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { QuantizedModel } from 'unplugin-quantize';
import { describe, expect, it } from 'vitest';
import { AUTO_FORMATS } from '../../packages/unplugin-quantize/src/pipeline/format-table.ts';
import { PRESETS, type Preset } from '../../packages/unplugin-quantize/src/presets.ts';
import type { ModelReport, Target } from '../../packages/unplugin-quantize/src/types.ts';
import { BUNDLERS } from './bundlers.ts';
import { hashOfFile, importBuilt, makeProject } from './support.ts';

const TARGETS: Target[] = ['webgpu', 'wasm', 'node'];

/** What a preset comes to for a recurrent model. */
function formatOf(preset: Preset, target: Target): string {
  const { format } = PRESETS[preset].options;
  const choice = typeof format === 'object' ? format[target]! : format!;
  return choice === 'auto' ? AUTO_FORMATS[target].rnn : choice;
}

async function build(preset: Preset) {
  const root = makeProject({ 'main.js': `import model from './vad.onnx?quantize&preset=${preset}'; globalThis.location ??= { href: 'http://x/' }; export default model;` }, { 'vad.onnx': 'silero' });
  const { main, outDir, files } = await BUNDLERS.vite(root, { platform: 'node', format: 'esm', options: { targets: TARGETS, format: 'none', cache: join(root, 'cache') } });
  const { models } = JSON.parse(readFileSync(join(root, 'quantize-report.json'), 'utf8')) as { models: ModelReport[] };
  const hashes = files.filter((file) => file.endsWith('.onnx')).map((file) => hashOfFile(join(outDir, file)));
  return { model: (await importBuilt<{ default: QuantizedModel }>(main)).default, reports: models, hashes };
}

describe('a build with a preset in the query', () => {
  it.each(Object.keys(PRESETS) as Preset[])('%s makes what each target gets from it, and runs it', async (preset) => {
    const { model, reports, hashes } = await build(preset);
    expect(model.variants.map(({ target, format }) => [target, format]).sort()).toEqual(TARGETS.map((target) => [target, formatOf(preset, target)]).sort());
    expect(new Set(reports.map(({ artefact }) => artefact.sha256))).toEqual(new Set(hashes));
    for (const { checks } of reports) expect(checks.map(({ outcome }) => outcome)).toContain('ran');
    const share = reports.map(({ artefact }) => artefact.ratio);
    expect(Math.max(...share)).toBeLessThan(preset === 'most-accurate' ? 0.6 : 0.4);
  });
});
