import { afterEach, describe, expect, it } from 'vitest';
import { createPool, type Pool, type PoolOptions } from './pool.ts';

const ENTRY = new URL('./fixtures/worker.mjs', import.meta.url);
const RUNTIMES = ['worker_threads', 'child_process'] as const;

let pool: Pool;
afterEach(() => pool.close());

function start(runtime: PoolOptions['runtime'], options: Partial<PoolOptions> = {}): Pool {
  return (pool = createPool({ entry: ENTRY, runtime, size: 1, ...options }));
}

describe.each(RUNTIMES)('a pool of %s', (runtime) => {
  it('runs tasks, values that JSON has not included', async () => {
    const run = start(runtime).run<{ value: unknown }>('echo', { name: 'm', value: [NaN, undefined, 2n] } as { name: string });
    expect(await run).toMatchObject({ value: [NaN, undefined, 2n] });
  });

  it('passes an error on as it was thrown', async () => {
    await expect(start(runtime).run('refuse', { name: 'm' })).rejects.toMatchObject({ name: 'QuantizeError', code: 'MODEL_INVALID', what: 'Bad.', node: 'n', hint: 'h' });
  });

  it('says that an entry does not load instead of waiting for ever', async () => {
    const run = start(runtime, { entry: new URL('./fixtures/none.mjs', import.meta.url) }).run('echo', { name: 'm' });
    await expect(run).rejects.toMatchObject({ code: 'WORKER_FAILED', model: 'm' });
  });

  it('gives work up when it is closed', async () => {
    const run = start(runtime).run('hang', { name: 'm' });
    const failure = run.then(() => undefined, (error: unknown) => error);
    // The task has to have begun.
    await new Promise((resolve) => setTimeout(resolve, 500));
    await pool.close();
    expect(await failure).toMatchObject({ code: 'WORKER_FAILED', what: expect.stringContaining('given up') });
  });
});

describe('an isolating pool', () => {
  it('gives each task a process of its own', async () => {
    start('child_process', { isolate: true });
    const results = await Promise.all([1, 2, 3].map(() => pool.run<{ pid: number }>('echo', { name: 'm' })));
    expect(new Set(results.map(({ pid }) => pid)).size).toBe(3);
  });
});

describe('a crash', () => {
  it('of a child process is one clear error, and the next task runs', async () => {
    start('child_process');
    for (const crash of ['exit', 'kill']) {
      await expect(pool.run(crash, { name: 'm.onnx' })).rejects.toMatchObject({ code: 'WORKER_FAILED', model: 'm.onnx', hint: expect.stringContaining('memory') });
      expect(await pool.run('echo', { name: 'm' })).toMatchObject({ pid: expect.not.toBeOneOf([process.pid]) });
    }
  });

  it('of a thread that takes all memory is one clear error, and the next task runs', async () => {
    start('worker_threads', { resourceLimits: { maxOldGenerationSizeMb: 64 } });
    await expect(pool.run('exhaust', { name: 'm.onnx' })).rejects.toMatchObject({ code: 'WORKER_FAILED', model: 'm.onnx' });
    expect(await pool.run('echo', { name: 'm' })).toMatchObject({ pid: process.pid });
  });
});
