import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { models } from '../../../../test/support/models.ts';
import { tensorsOf } from '../graph/index.ts';
import { bytesSource, externalizeData, externalLocations, readModel, readPayload, tensorOf, writeModel } from './index.ts';

it('moves tensors into a file and reads them back unchanged', () => {
  const bytes = readFileSync(models.ocrDirection);
  const before = readModel(bytesSource(bytes));
  const model = readModel(bytesSource(bytes));
  const data = readPayload(externalizeData(model, tensorsOf(model), 'weights.bin', 256));
  const structure = readPayload(writeModel(model));
  expect(structure.byteLength + data.byteLength).toBeGreaterThan(bytes.byteLength * 0.98);
  expect(structure.byteLength).toBeLessThan(bytes.byteLength / 2);

  const after = readModel(bytesSource(structure), { open: () => bytesSource(data) });
  const [was, is] = [[...tensorsOf(before)], [...tensorsOf(after)]];
  expect(externalLocations(is)).toEqual(['weights.bin']);
  expect(is.map((proto) => readPayload(tensorOf(after, proto)))).toEqual(was.map((proto) => readPayload(tensorOf(before, proto))));
  const offsets = is.flatMap((proto) => proto.externalData.filter(({ key }) => key === 'offset').map(({ value }) => Number(value)));
  expect(offsets.length).toBeGreaterThan(10);
  expect(offsets.filter((offset) => offset % 64 !== 0)).toEqual([]);
});
