import { resolve } from 'node:path';
import { print } from './print.ts';
import { withModelFile } from '../pipeline/files/file-source.ts';
import { formatInspection } from './format-inspection.ts';
import { inspectModel } from './inspect-model.ts';
import { inspectSettings } from './inspect-settings.ts';

/** Prints what a model consists of, and its options where a file beside it has some. */
export async function runInspect(model: string, { json }: { json: boolean }): Promise<void> {
  const settings = await inspectSettings(resolve(model));
  const inspection = { ...withModelFile(model, model, ({ source, files }) => inspectModel(source, files)), ...(settings !== undefined && { settings }) };
  print(json ? JSON.stringify(inspection, null, 2) : formatInspection(inspection));
}
