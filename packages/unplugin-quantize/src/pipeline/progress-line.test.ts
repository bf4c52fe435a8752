import { describe, expect, it } from 'vitest';
import type { PipelineEvent } from './events.ts';
import { progressTeller } from './progress.ts';
import { progressLine } from './progress-line.ts';

type Progress = Extract<PipelineEvent, { kind: 'progress' }>;

/** What is written to a stream like this one. */
function written(isTTY: boolean, env: NodeJS.ProcessEnv, events: readonly PipelineEvent[]): string {
  let text = '';
  const line = progressLine({ isTTY, write: (part: string) => (text += part) } as unknown as NodeJS.WriteStream, env);
  events.forEach((event) => line.show(event));
  line.clear();
  return text;
}

describe('progress', () => {
  it('estimates the time left by the samples behind the first', () => {
    const events: PipelineEvent[] = [];
    const times = [1000, 3000, 4000];
    const tell = progressTeller((event) => events.push(event), 'm.onnx', () => times.shift()!);
    for (const done of [1, 5, 10]) tell(done, 10);
    expect(events).toEqual([
      { kind: 'progress', model: 'm.onnx', step: 'calibrate', done: 5, of: 10, secondsLeft: 2.5 },
      { kind: 'progress', model: 'm.onnx', step: 'calibrate', done: 10, of: 10, secondsLeft: 0 },
    ]);
  });

  const event = (secondsLeft: number): Progress => ({ kind: 'progress', model: 'm', step: 'calibrate', done: 3, of: 40, secondsLeft });

  it('is one line of a terminal, which goes in the end', () => {
    const text = written(true, {}, [{ kind: 'step', model: 'm', step: 'calibrate' }, event(0.2), event(75)]);
    expect(text.split('\x1b[2K\r')).toEqual(['', 'calibrating: 3 of 40 samples, 1 s left', 'calibrating: 3 of 40 samples, 1 min 15 s left', '']);
  });

  it('is nothing in a file and in CI', () => {
    expect(written(false, {}, [event(1)])).toBe('');
    expect(written(true, { CI: 'true' }, [event(1)])).toBe('');
  });
});
