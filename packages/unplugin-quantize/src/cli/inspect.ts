import { print } from './print.ts';
import { withModelFile } from '../pipeline/file-source.ts';
import { formatInspection } from './format-inspection.ts';
import { inspectModel } from './inspect-model.ts';

/** Prints what a model consists of. */
export function runInspect(model: string, { json }: { json: boolean }): void {
  const inspection = withModelFile(model, model, ({ source, files }) => inspectModel(source, files));
  print(json ? JSON.stringify(inspection, null, 2) : formatInspection(inspection));
}
