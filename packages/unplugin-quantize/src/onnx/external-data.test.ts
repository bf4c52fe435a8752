import { describe, expect, it } from 'vitest';
import { buildModel, ramp } from '../../../../test/support/build-model.ts';
import {
  bytesSource, create, externalLocations, isExternal, readPayload, StringStringEntryProtoSchema, TensorProto_DataLocation, tensorOf, type ExternalFiles, type Model,
} from './index.ts';

const data = Uint8Array.from({ length: 64 }, (_, i) => i);
const files: ExternalFiles = { open: (location) => bytesSource(data, location) };

/** A model with the initializer `w` of float32[4], whose data is described by the entries. */
function external(entries: Record<string, string>, given: ExternalFiles | undefined = files): Model {
  const model = buildModel({ nodes: [], initializers: { w: ramp([4]) }, outputs: { w: '' } });
  const [w] = model.proto.graph!.initializer;
  w!.rawData = new Uint8Array(0);
  w!.dataLocation = TensorProto_DataLocation.EXTERNAL;
  w!.externalData = Object.entries(entries).map(([key, value]) => create(StringStringEntryProtoSchema, { key, value }));
  return { ...model, files: given };
}

const open = (model: Model) => tensorOf(model, model.proto.graph!.initializer[0]!);

describe('external data', () => {
  it.each([
    ['a range', { location: 'weights.bin', offset: '8', length: '16' }, 8],
    ['a range to the end', { location: 'sub/weights.bin', offset: '48' }, 48],
    ['entries that are not known', { location: './weights.bin', offset: '4', length: '16', checksum: 'abc' }, 4],
    ['no offset', { location: 'a..b.bin', length: '16' }, 0],
  ])('is read from %s', (_, entries, offset) => {
    const tensor = open(external(entries));
    expect(tensor).toMatchObject({ dtype: 'float32', dims: [4], byteLength: 16 });
    expect(readPayload(tensor)).toEqual(data.slice(offset, offset + 16));
    expect(tensor.peek!(4)).toEqual(data.slice(offset, offset + 4));
  });

  it.each([
    '../weights.bin', 'sub/../../weights.bin', 'sub\\..\\weights.bin', '..', '/etc/passwd', '\\\\server\\share', '\\weights.bin', 'C:\\weights.bin', 'c:weights.bin', 'a\0b',
  ])('is refused outside of the folder: %j', (location) => {
    expect(() => open(external({ location, length: '16' }))).toThrow(expect.objectContaining({ code: 'EXTERNAL_DATA_OUTSIDE', node: 'w', hint: expect.any(String) }));
  });

  it.each([
    ['no files were given', { location: 'weights.bin' }, undefined, 'EXTERNAL_DATA_MISSING'],
    ['the file is too short', { location: 'weights.bin', offset: '60', length: '16' }, files, 'EXTERNAL_DATA_MISSING'],
    ['the offset is beyond the end', { location: 'weights.bin', offset: '100' }, files, 'EXTERNAL_DATA_MISSING'],
    ['the range does not fit the shape', { location: 'weights.bin', length: '12' }, files, 'MODEL_INVALID'],
    ['no file is named', {}, files, 'MODEL_INVALID'],
    ['the name is empty', { location: '' }, files, 'MODEL_INVALID'],
    ['the offset is no number', { location: 'weights.bin', offset: 'x' }, files, 'MODEL_INVALID'],
    ['the offset is negative', { location: 'weights.bin', offset: '-1' }, files, 'MODEL_INVALID'],
    ['the length is no integer', { location: 'weights.bin', length: '1.5' }, files, 'MODEL_INVALID'],
    ['the length is beyond what numbers hold', { location: 'weights.bin', length: '99999999999999999999' }, files, 'MODEL_INVALID'],
  ])('is refused where %s', (_, entries, given, code) => {
    expect(() => open({ ...external(entries as Record<string, string>), files: given })).toThrow(expect.objectContaining({ code, node: 'w', model: 'test model' }));
  });

  it('is listed by location', () => {
    const tensors = ['b.bin', 'a.bin', 'b.bin'].map((location) => external({ location }).proto.graph!.initializer[0]!);
    expect(externalLocations(tensors)).toEqual(['a.bin', 'b.bin']);
    expect(tensors.every(isExternal)).toBe(true);
  });
});
