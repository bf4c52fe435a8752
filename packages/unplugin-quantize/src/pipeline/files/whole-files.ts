import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { QuantizeError } from '../../errors.ts';
import type { FoundEngines } from '../../evaluate/index.ts';
import { MODEL_DEFAULTS } from '../../options.ts';
import { removeDraft } from '../cache/write-file.ts';
import { quantizeToFile } from '../steps/artefact.ts';
import type { MeasureTask } from '../steps/measure.ts';
import { onInterrupt } from '../workers/interrupt.ts';

const WEB = 'onnxruntime-web';

/** onnxruntime-web opens no second file: models with external data are put into one for it, and where that is too large it runs nothing. */
export async function withWholeFiles<T>(task: MeasureTask, found: FoundEngines, use: (task: MeasureTask, found: FoundEngines) => Promise<T>): Promise<T> {
  const isNeeded = (task.isSplit || task.isArtefactSplit === true) && found.engines.some(({ name }) => name === WEB);
  if (!isNeeded) return use(task, found);
  const folder = await mkdtemp(join(tmpdir(), 'unplugin-quantize-'));
  const settled = onInterrupt(() => removeDraft(folder));
  try {
    const whole = joinFiles(task, folder);
    return await (whole === undefined ? use(task, withoutWeb(found)) : use(whole, found));
  } finally {
    settled();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Undefined where a model with its external data is too large for one file. */
function joinFiles(task: MeasureTask, folder: string): MeasureTask | undefined {
  const joined = (path: string, file: string): string => {
    const out = join(folder, file);
    quantizeToFile({ path, name: task.name, options: { ...MODEL_DEFAULTS, format: 'none' }, out, isHashed: false });
    return out;
  };
  try {
    const source = task.isSplit ? joined(task.source, 'source.onnx') : task.source;
    const artefact = task.isArtefactSplit === true ? joined(task.artefact, 'artefact.onnx') : task.artefact;
    return { ...task, source, artefact };
  } catch (error) {
    if (error instanceof QuantizeError && error.code === 'MODEL_TOO_LARGE') return undefined;
    throw error;
  }
}

function withoutWeb({ engines, missing }: FoundEngines): FoundEngines {
  const reason = 'the source or the artefact is too large for it with its external data';
  return { engines: engines.filter(({ name }) => name !== WEB), missing: [...missing, { engine: WEB, reason }] };
}
