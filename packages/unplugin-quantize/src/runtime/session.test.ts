import { describe, expect, it } from 'vitest';
import { isOlder, sessionFailed } from './session.ts';

describe('isOlder', () => {
  it.each([
    ['1.9.0', '1.17.0', true],
    ['1.17.0', '1.17.0', false],
    ['1.30.0-dev.20260101', '1.30.0', false],
    ['2.0.0', '1.30.1', false],
    ['1.17', '1.17.1', true],
  ])('%s before %s: %s', (a, b, older) => {
    expect(isOlder(a, b)).toBe(older);
  });
});

describe('sessionFailed', () => {
  const variant = { target: 'wasm', format: 'int8', url: '/m.onnx', bytes: 1, sha256: '', minOnnxruntime: '1.22.0', sessionOptions: {} } as const;

  it('names the release that is needed only when the engine is older', () => {
    const file = { url: '/m.onnx', bytes: 1, sha256: '' };
    const cause = new Error('no such operator');
    expect(sessionFailed(cause, 'onnxruntime-web', '1.20.1', variant, file)).toMatchObject({ code: 'SESSION_FAILED', cause, hint: expect.stringContaining('1.22.0') });
    expect(sessionFailed(cause, 'onnxruntime-web', '1.30.0', variant, file).hint).toBeUndefined();
    expect(sessionFailed(cause, 'onnxruntime-web', '1.20.1', null, file).hint).toBeUndefined();
  });
});
