import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { allModels } from '../../../../test/support/models.ts';
import { bytesSource, readModel, readPayload, writeModel } from './index.ts';

describe('a model that is read and written without a change', () => {
  it.each(allModels)('%s is byte-equal', (path) => {
    const bytes = readFileSync(path);
    const stream = writeModel(readModel(bytesSource(bytes, path)));
    expect(stream.byteLength).toBe(bytes.byteLength);
    expect(bytes.equals(readPayload(stream))).toBe(true);
  });
});
