import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { buildModel, ints } from '../../../../test/support/build-model.ts';
import { models } from '../../../../test/support/models.ts';
import { bytesSource, readModel } from '../onnx/index.ts';
import { comparedInputs } from './compared-inputs.ts';
import { makeNode } from './edit.ts';

describe('comparedInputs', () => {
  it('finds the sampling rate of Silero', () => {
    expect([...comparedInputs(readModel(bytesSource(readFileSync(models.silero))))]).toEqual([['sr', 16000]]);
  });

  it('looks at inputs and whole numbers only', () => {
    const model = buildModel({
      nodes: [
        makeNode('Equal', ['seven', 'mode'], ['a']), makeNode('Equal', ['mode', 'eight'], ['b']),
        makeNode('Identity', ['mode'], ['copy']), makeNode('Equal', ['copy', 'seven'], ['c']),
        makeNode('Equal', ['ids', 'several'], ['d']),
      ],
      initializers: { seven: ints([], [7]), eight: ints([], [8]), several: ints([2], [1, 2]) },
      inputs: { mode: 'int64[]', ids: 'int64[2]' },
      outputs: { a: '', b: '', c: '', d: '' },
    });
    expect([...comparedInputs(model)]).toEqual([['mode', 7]]);
  });
});
