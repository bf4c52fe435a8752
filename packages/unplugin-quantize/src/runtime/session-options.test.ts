import { describe, expect, it } from 'vitest';
import { checkOptions, mergeSessionOptions, withProvider } from './session-options.ts';
import type { CreateSessionOptions } from './types.ts';

describe('mergeSessionOptions', () => {
  it('merges deeply, and what the artefact needs wins', () => {
    const user = { graphOptimizationLevel: 'all', extra: { session: { a: '1', b: '1' }, optimization: { c: '1' } } } as const;
    const merged = mergeSessionOptions(user, { extra: { session: { b: '0' } }, executionProviders: ['cpu'] });
    expect(merged).toEqual({
      graphOptimizationLevel: 'all',
      extra: { session: { a: '1', b: '0' }, optimization: { c: '1' } },
      executionProviders: ['cpu'],
    });
  });

  it('shares no object or array with its sources, but bytes and instances', () => {
    const data = new Uint8Array(3);
    const user = { extra: { session: {} }, executionProviders: ['cpu', { name: 'cpu' }], externalData: [{ path: 'a', data }] };
    const merged = mergeSessionOptions(user, undefined);
    expect(merged).toEqual(user);
    expect(merged.extra).not.toBe(user.extra);
    expect(merged.extra?.['session']).not.toBe(user.extra.session);
    expect(merged.executionProviders).not.toBe(user.executionProviders);
    expect(merged.executionProviders?.[1]).not.toBe(user.executionProviders[1]);
    const [external] = merged.externalData ?? [];
    expect(typeof external === 'object' && external.data).toBe(data);
  });

  it('leaves keys without a value out', () => {
    const merged = mergeSessionOptions({ logId: undefined } as never, { extra: undefined });
    expect(Object.keys(merged)).toEqual([]);
  });

  it('does not reach prototypes', () => {
    const merged = mergeSessionOptions({}, JSON.parse('{"__proto__": {"polluted": 1}}') as Record<string, unknown>);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
  });
});

describe('checkOptions', () => {
  it.each([{}, { numThreads: 1 }, { numThreads: 16 }, { backends: ['wasm'] }, { prefer: 'speed' }] as const)('takes %j', (options) => {
    expect(() => checkOptions(options, ['webgpu', 'wasm'])).not.toThrow();
  });

  it.each([
    { numThreads: 0 },
    { numThreads: -1 },
    { numThreads: 1.5 },
    { numThreads: Number.NaN },
    { backends: [] },
    { backends: ['cuda'] },
    { backends: ['wasm', 'webgl'] },
    { prefer: 'size' },
  ])('refuses %j', (options) => {
    expect(() => checkOptions(options as CreateSessionOptions, ['webgpu', 'wasm'])).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
  });
});

describe('withProvider', () => {
  it('takes the settings of the provider in use and no other provider', () => {
    const options = { executionProviders: ['cpu', { name: 'webgpu', preferredLayout: 'NHWC' }] } as const;
    expect(withProvider(options, 'webgpu').executionProviders).toEqual([options.executionProviders[1]]);
    expect(withProvider(options, 'wasm').executionProviders).toEqual(['wasm']);
    expect(withProvider({ logId: 'x' }, 'cpu')).toEqual({ logId: 'x', executionProviders: ['cpu'] });
  });
});
