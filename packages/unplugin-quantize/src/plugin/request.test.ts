import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { QuantizeError } from '../errors.ts';
import { formatRequest, parseRequest, REQUEST_ID, type ModelRequest } from './request.ts';

describe('parseRequest', () => {
  it.each<[string, Partial<ModelRequest>]>([
    ['./m.onnx?quantize', {}],
    ['./m.onnx?quantize=', {}],
    ['./m.onnx?quantize=fp16', { options: { format: 'fp16' } }],
    ['./m.onnx?quantize&format=fp16', { options: { format: 'fp16' } }],
    ['./m.onnx?quantize&url', { url: true }],
    ['./m.onnx?url&quantize=int8', { options: { format: 'int8' }, url: true }],
    ['./m.onnx?ops=MatMul,Conv&exclude=a*&quantize', { options: { ops: ['MatMul', 'Conv'], exclude: ['a*'] } }],
    ['./m.onnx?quantize&exclude=a+b,%2Fc%25&exclude=d', { options: { exclude: ['a+b', '/c%', 'd'] } }],
    ['./m.onnx?quantize&exclude=100%', { options: { exclude: ['100%'] } }],
    ['./m.onnx?quantize&excludeOps=Conv,Gather&include=/a.*&minElements=64', { options: { excludeOps: ['Conv', 'Gather'], include: ['/a.*'], minElements: 64 } }],
    ['./m.onnx?quantize&sampleLimit=7&calibration=./c.ts', { options: { sampleLimit: 7, calibration: './c.ts' } }],
    ['./m.onnx?quantize&preset=smallest', { options: { preset: 'smallest' } }],
    ['./m.onnx?quantize&keepNames', { options: { keepNames: true } }],
    ['./m.onnx?quantize=int4&block=64&algorithm=k-quant&symmetric&mixed=head*,e', { options: { format: 'int4', block: 64, algorithm: 'k-quant', symmetric: true, mixed: ['head*', 'e'] } }],
    ['./m.onnx?quantize=int4&symmetric=false&mixed=', { options: { format: 'int4', symmetric: false, mixed: [] } }],
    ['./m.onnx?quantize&keepNames=false', { options: { keepNames: false } }],
    ['./m.onnx?import&quantize=int8&t=17&v=ab12', { options: { format: 'int8' } }],
  ])('reads %s', (id, wanted) => {
    expect(parseRequest(id)).toEqual({ file: './m.onnx', options: {}, url: false, ...wanted });
  });

  it.each(['./m.onnx', './m.onnx?url', './m.onnx?quantized', './m.onnx?x=quantize', './m.glb?quantize', '\0/m.onnx?quantize', '\0/m.onnx?quantize=int8?commonjs-proxy'])('leaves %j to others', (id) => {
    expect(parseRequest(id)).toBeUndefined();
  });

  it('takes a path as it is written', () => {
    expect(parseRequest("./a %20#b'=23 ü漢.onnx?quantize")?.file).toBe("./a %20#b'=23 ü漢.onnx");
  });

  it.each([
    ['./m.onnx?quantize&opps=MatMul', 'OPTION_UNKNOWN', 'Did you mean "ops"?'],
    ['./m.onnx?quantize&verify=false', 'OPTION_UNKNOWN', 'query key "verify"'],
    ['./m.onnx?quantize&preset=fastet', 'OPTION_INVALID', 'Did you mean "fastest"?'],
    ['./m.onnx?quantize=int9', 'OPTION_INVALID', 'Did you mean "int8"?'],
    ['./m.onnx?quantize&ops=Matmul', 'OPTION_INVALID', 'Did you mean "MatMul"?'],
    ['./m.onnx?quantize&sampleLimit=many', 'OPTION_INVALID', '"sampleLimit"'],
    ['./m.onnx?quantize&calibration=', 'OPTION_INVALID', '"calibration"'],
    ['./m.onnx?quantize=int4&block=48', 'OPTION_INVALID', 'one of 16, 32, 64, 128, 256'],
    ['./m.onnx?quantize=int4&algorithm=nearest', 'OPTION_INVALID', '"algorithm"'],
    ['./m.onnx?quantize&keepNames=no', 'OPTION_INVALID', '"keepNames"'],
    ['./m.onnx?quantize=int8&format=fp16', 'OPTION_INVALID', 'both "int8" and "fp16"'],
  ])('refuses %s', (id, code, message) => {
    const error = caught(() => parseRequest(id));
    expect(error).toBeInstanceOf(QuantizeError);
    expect(error).toMatchObject({ code, model: './m.onnx' });
    expect((error as Error).message).toContain(message);
  });
});

describe('formatRequest', () => {
  it('writes one id for all spellings of a wish', () => {
    const ids = ['?quantize=int8&url&ops=MatMul', '?url&ops=MatMul&quantize=int8', '?import&t=5&quantize&ops=MatMul&format=int8&url'].map((query) => formatRequest(parseRequest(`/m.onnx${query}`)!));
    expect(new Set(ids)).toEqual(new Set(['/m.onnx?quantize=int8&ops=MatMul&as=url']));
    expect(formatRequest(parseRequest('/m.onnx?quantize')!)).toBe('/m.onnx?quantize');
  });

  it('is read again as the same request, also after the way through a browser and a dev server', () => {
    const text = fc.string({ unit: 'grapheme', minLength: 1 }).map((value) => value.replaceAll('\0', ''));
    const name = text.map((value) => value.replaceAll(',', '')).filter((value) => value !== '');
    const request = fc.record({
      // A browser merges dots of a path and slashes at its start.
      file: text.map((value) => `/x${value.replace(/[/.]/g, '')}.onnx`),
      options: fc.record({ format: fc.constantFrom('int8' as const, 'none' as const), exclude: fc.array(name), sampleLimit: fc.integer({ min: 1 }), keepNames: fc.boolean(), calibration: text.filter((value) => value !== '') }, { requiredKeys: [] }),
      url: fc.boolean(),
    });
    fc.assert(
      fc.property(request, (wish) => {
        const id = formatRequest(wish);
        expect(id).toMatch(REQUEST_ID);
        expect(parseRequest(id)).toEqual(wish);
        const asked = new URL(id, 'http://localhost');
        expect(asked.hash).toBe('');
        expect(parseRequest(decodeURI(asked.pathname + asked.search))).toEqual(wish);
      }),
      { numRuns: 500 },
    );
  });

  it('does not mistake a file for an escaped one', () => {
    expect(formatRequest(parseRequest('/a#b.onnx?quantize')!)).toBe('/a=23b.onnx?quantize&escaped');
    expect(formatRequest(parseRequest('/a=23b.onnx?quantize')!)).toBe('/a=3D23b.onnx?quantize&escaped');
  });
});

function caught(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}
