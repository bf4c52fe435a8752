import { describe, expect, it } from 'vitest';
import { bytesSource, readPayload } from '../../onnx/index.ts';
import { observationPayload, readObservation, type Observation } from './observed-file.ts';

/** A symmetric matrix of float32 numbers. */
function sums(K: number, seed: number): Float64Array {
  return Float64Array.from({ length: K * K }, (_, i) => {
    const [a, b] = [Math.floor(i / K), i % K];
    return Math.fround(Math.sin(seed + Math.min(a, b) * K + Math.max(a, b)));
  });
}

const trip = (observation: Observation): ReturnType<typeof readObservation> => readObservation(bytesSource(readPayload(observationPayload(observation))));

describe('the file of a calibration', () => {
  it.each([1, 2, 3, 4, 17])('holds sums of outer products of %i rows', (K) => {
    const [first, second] = [sums(K, 1), sums(K + 1, 2)];
    const { hessians, statistics } = trip({ hessians: new Map([['q', first], ['w', second], ['k', first]]), notes: [] });
    expect(hessians!.get('q')).toEqual(first);
    expect(hessians!.get('k')).toBe(hessians!.get('q'));
    expect(hessians!.get('w')).toEqual(second);
    expect(hessians!.get('nobody')).toBeUndefined();
    expect(statistics).toBeUndefined();
  });

  it('rounds sums to float32, and takes a quarter of their memory', () => {
    const exact = Float64Array.of(1 / 3, 1 / 7, 1 / 7, 1e-9);
    const { hessians } = trip({ hessians: new Map([['w', exact]]), notes: [] });
    expect(hessians!.get('w')).toEqual(Float64Array.from(exact, Math.fround));
    const bytes = (K: number): number => observationPayload({ hessians: new Map([['w', new Float64Array(K * K)]]), notes: [] }).byteLength;
    expect(bytes(512) - bytes(2)).toBeLessThan(0.26 * 8 * 512 * 512);
  });

  it('holds statistics, those of channels too, and notes in any language', () => {
    const channels = { min: Float32Array.of(-1, 0, 2), max: Float32Array.of(1, 2, 3), mean: Float64Array.of(0.1, 1e-300, 2.5) };
    const statistics = new Map([['äöü/1', { min: -0.1, max: 3, elements: 12.5, channels }], ['b', { min: 1e-45, max: 3e38 }], ['c', { min: 0, max: 0, channels: { ...channels } }]]);
    const found = trip({ statistics, notes: ['Grüße: 日本'] });
    expect(found).toEqual({ statistics, notes: ['Grüße: 日本'] });
  });

  it('is the same text whatever it is asked for, and starts arrays at multiples of 8', () => {
    const empty = readPayload(observationPayload({ notes: [] }));
    expect(empty.byteLength % 8).toBe(0);
    expect(trip({ notes: [] })).toEqual({ notes: [] });
    expect(trip({ statistics: new Map(), notes: [] })).toEqual({ statistics: new Map(), notes: [] });
  });
});
