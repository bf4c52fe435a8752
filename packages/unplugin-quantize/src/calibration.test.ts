import { describe, expect, it } from 'vitest';
import { checkCalibration, kindOf, type CalibrationSpec } from './calibration.ts';

const full: CalibrationSpec[] = [
  { images: ['a.png', 'b/*.jpg'], input: 'x', size: [48, 320], fit: 'letterbox', resize: 256, pad: [0, 1, 255], filter: 'bicubic', colors: 'bgr', layout: 'nhwc', scale: 1, mean: 127.5, std: [1, 2, 3], batch: 4, limit: 9, seed: 0, feeds: { n: 1 } },
  { text: 'lines.txt', tokenizer: 't.json', column: -1, label: 'y', maxLength: 128, padding: 'longest', inputs: { ids: 'ids', m: 'mask' }, batch: 2 },
  { audio: 'clips', input: 'x', sampleRate: 16000, samples: 512, channels: 1 },
  { arrays: 'x.npz', inputs: { image: 'arr_0' }, batch: 1 },
  { module: './samples.ts', limit: 3 },
];

describe('checkCalibration', () => {
  it.each(full)('accepts %j', (spec) => {
    expect(() => checkCalibration(spec, 'calibration')).not.toThrow();
    expect(kindOf(spec)).toBe(Object.keys(spec)[0]);
  });

  it('accepts a path, and undefined for what is left out', () => {
    expect(() => checkCalibration('./samples', 'calibration')).not.toThrow();
    expect(() => checkCalibration({ images: 'a', size: undefined }, 'calibration')).not.toThrow();
  });

  it.each<[unknown, string, RegExp]>([
    ['', 'OPTION_INVALID', /which is not a path or an object/],
    [5, 'OPTION_INVALID', /"calibration" is 5/],
    [['a.png'], 'OPTION_INVALID', /not a path or an object/],
    [{}, 'OPTION_INVALID', /Give one of images, text, audio, arrays, module/],
    [{ image: './a' }, 'OPTION_INVALID', /Did you mean "images"/],
    [{ images: 'a', text: 'b' }, 'OPTION_INVALID', /both "images" and "text"/],
    [{ images: 'a', meen: 0 }, 'OPTION_UNKNOWN', /no "meen" in a calibration by images.*\n.*calibration\.meen\n.*Did you mean "mean"/],
    [{ audio: 'a', tokenizer: 'b' }, 'OPTION_UNKNOWN', /no "tokenizer" in a calibration by audio/],
    [{ images: [] }, 'OPTION_INVALID', /a path, a pattern, or a list/],
    [{ images: 'a', size: [1, 2, 3] }, 'OPTION_INVALID', /"calibration\.size" is \[1,2,3\]/],
    [{ images: 'a', size: 0 }, 'OPTION_INVALID', /\[height, width\]/],
    [{ images: 'a', std: [1, 0, 1] }, 'OPTION_INVALID', /other than 0/],
    [{ images: 'a', pad: 256 }, 'OPTION_INVALID', /from 0 to 255/],
    [{ images: 'a', fit: 'cover' }, 'OPTION_INVALID', /'crop' or 'letterbox' or 'stretch'/],
    [{ text: 'a', padding: 'max' }, 'OPTION_INVALID', /'longest' or a whole number/],
    [{ text: 'a', inputs: { x: 'tokens' } }, 'OPTION_INVALID', /ids, mask, types, positions/],
    [{ arrays: 'a', seed: -1 }, 'OPTION_INVALID', /from 0/],
    [{ module: ['a', 'b'] }, 'OPTION_INVALID', /not a path/],
    [{ module: 'a', batch: 2 }, 'OPTION_UNKNOWN', /no "batch" in a calibration by module/],
    [{ arrays: 'a', limit: 1n }, 'OPTION_INVALID', /"calibration\.limit" is "1"/],
  ])('refuses %s', (value, code, message) => {
    expect(() => checkCalibration(value, 'calibration')).toThrowError(message);
    expect(() => checkCalibration(value, 'calibration')).toThrowError(expect.objectContaining({ code }));
  });
});
