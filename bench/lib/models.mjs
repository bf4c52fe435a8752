import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/setup.mjs';
import { askPython } from './python.mjs';

export const shared = join(ROOT, '../shared');
export const work = join(ROOT, 'bench/.cache');

/** Path of a model of the shared folder, or of a skeleton filled with seeded values once. */
export function sourceOf(model) {
  const real = join(shared, 'models', `${model}.onnx`);
  if (existsSync(real)) return real;
  mkdirSync(work, { recursive: true });
  const filled = join(work, `${model}.onnx`);
  if (!existsSync(filled)) askPython('expand.py', join(shared, 'models/skeletons', `${model}.onnx`), filled);
  return filled;
}
