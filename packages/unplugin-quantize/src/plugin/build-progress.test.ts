import { expect, it } from 'vitest';
import type { PipelineEvent } from '../pipeline/index.ts';
import { buildProgress } from './build-progress.ts';

const ERASE = '\x1b[2K\r';
const EVENTS: PipelineEvent[] = [
  { kind: 'step', model: 'a.onnx', step: 'quantize' },
  { kind: 'step', model: 'b.onnx', step: 'measure' },
  { kind: 'progress', model: 'a.onnx', step: 'calibrate', done: 3, of: 40, secondsLeft: 75 },
  { kind: 'done', model: 'a.onnx', cached: false },
];

function written({ isTTY = true, columns = 80, env = {}, isQuiet = false }: { isTTY?: boolean; columns?: number; env?: NodeJS.ProcessEnv; isQuiet?: boolean } = {}): string {
  let text = '';
  const progress = buildProgress(() => isQuiet, { isTTY, columns, write: (part: string) => (text += part) } as unknown as NodeJS.WriteStream, env);
  for (const event of EVENTS) progress.show(event);
  progress.end('a.onnx');
  progress.end('unknown.onnx');
  progress.end('b.onnx');
  progress.clear();
  return text;
}

it('is one line that changes and goes', () => {
  expect(written().split(ERASE)).toEqual(['', 'a.onnx: quantizing', 'b.onnx: checking (and 1 more)', 'a.onnx: calibrating: 3 of 40 samples, 1 min 15 s left (and 1 more)', 'b.onnx: checking', '']);
});

it('fits into the terminal', () => {
  for (const line of written({ columns: 12 }).split(ERASE)) expect(line.length).toBeLessThan(12);
});

it('is nothing in files, in CI and where the bundler is quiet', () => {
  for (const options of [{ isTTY: false }, { env: { CI: '1' } }, { isQuiet: true }]) expect(written(options)).toBe('');
});
