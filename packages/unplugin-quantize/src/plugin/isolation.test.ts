import { describe, expect, it } from 'vitest';
import type { Compiler } from 'webpack';
import type { Options } from '../options.ts';
import { isolateDevServer } from './emit/webpack-isolation.ts';
import { isolationHeaders } from './isolation.ts';

const [COOP, COEP] = ['Cross-Origin-Opener-Policy', 'Cross-Origin-Embedder-Policy'];

describe('isolationHeaders', () => {
  it('are none unless they are wanted', () => expect([undefined, false as const].map(isolationHeaders)).toEqual([{}, {}]));
  it('require or do without permission of other sites', () => {
    expect(isolationHeaders(true)).toEqual({ [COOP]: 'same-origin', [COEP]: 'require-corp' });
    expect(isolationHeaders('credentialless')).toEqual({ [COOP]: 'same-origin', [COEP]: 'credentialless' });
  });
  it('refuses what it does not know', () => expect(() => isolationHeaders('yes' as unknown as Options['crossOriginIsolation'])).toThrow(expect.objectContaining({ code: 'OPTION_INVALID', option: 'crossOriginIsolation' })));
});

describe('isolateDevServer', () => {
  const devServerOf = (devServer: unknown, headers = isolationHeaders(true)): unknown => {
    const compiler = { options: { devServer } };
    isolateDevServer(compiler as unknown as Compiler, headers);
    return compiler.options.devServer;
  };
  const own = { 'x-app': '1', 'cross-origin-embedder-policy': 'credentialless' };
  const merged = { [COOP]: 'same-origin', ...own };

  it('adds to what the configuration has, whose own values win', () => {
    expect(devServerOf(undefined)).toEqual({ headers: isolationHeaders(true) });
    expect(devServerOf({ port: 1, headers: own })).toEqual({ port: 1, headers: merged });
    expect(devServerOf({ headers: Object.entries(own).map(([key, value]) => ({ key, value })) })).toEqual({ headers: merged });
    const { headers } = devServerOf({ headers: (app: string) => ({ ...own, 'x-app': app }) }) as { headers(app: string): object };
    expect(headers('2')).toEqual({ ...merged, 'x-app': '2' });
  });

  it('leaves everything as it is where it is not wanted or there is no server', () => {
    expect(devServerOf({ headers: own }, {})).toEqual({ headers: own });
    expect(devServerOf(undefined, {})).toBe(undefined);
    expect(devServerOf(false)).toBe(false);
  });
});
