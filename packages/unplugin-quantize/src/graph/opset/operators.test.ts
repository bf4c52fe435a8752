import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { changeAt } from './changes.ts';
import { hasOperator, NEWEST, OLDEST, OPERATORS } from './operators.ts';

const reference = new URL('../../../../../test/reference/operators.json', import.meta.url);

describe('the table of operators', () => {
  it('is that of the onnx package', () => {
    const expected = JSON.parse(readFileSync(reference, 'utf8')) as Record<string, number[]>;
    expect(Object.fromEntries(OPERATORS)).toEqual(expected);
  });

  it('says for every change how a node is brought along', () => {
    for (const [name, versions] of OPERATORS) {
      for (let version = OLDEST + 1; version <= NEWEST; version++) {
        const isBroughtAlong = changeAt(version, name) !== undefined;
        expect(isBroughtAlong, `${name} at ${version}`).toBe(hasOperator(name, version - 1) && versions.includes(version));
      }
    }
  });

  it('knows what is no operator', () => {
    expect(hasOperator('Affine', 9)).toBe(false);
    expect(hasOperator('constructor', 9)).toBe(false);
    expect(hasOperator('Upsample', 9)).toBe(true);
    expect(hasOperator('Upsample', 10)).toBe(false);
    expect(hasOperator('Resize', 9)).toBe(false);
    expect(changeAt(13, 'constructor')).toBeUndefined();
  });
});
