import { describe, expect, it } from 'vitest';
import { seal, unseal } from './seal.ts';

const DESCRIPTION = { entry: { format: 'int8', notes: ['ä'] }, parts: [{ sha256: 'a'.repeat(64), bytes: 7 }] };

describe('seal', () => {
  it('is undone by unseal', () => {
    expect(unseal('key', seal('key', DESCRIPTION, undefined), undefined)).toEqual(DESCRIPTION);
    expect(unseal('key', seal('key', DESCRIPTION, 'secret'), 'secret')).toEqual(DESCRIPTION);
    // A signature does no harm to those who do not ask for it.
    expect(unseal('key', seal('key', DESCRIPTION, 'secret'), undefined)).toEqual(DESCRIPTION);
  });

  it('holds under its own key only', () => {
    expect(unseal('other', seal('key', DESCRIPTION, undefined), undefined)).toContain('hash');
    expect(unseal('key', seal('key', DESCRIPTION, 'one'), 'other')).toContain('signature is wrong');
    expect(unseal('key', seal('key', DESCRIPTION, undefined), 'other')).toContain('not signed');
  });

  it('breaks with every byte that changes', () => {
    const bytes = seal('key', DESCRIPTION, 'secret');
    const found = Array.from(bytes, (byte, i) => unseal('key', bytes.map((other, at) => (at === i ? byte ^ 1 : other)), 'secret'));
    // Some changes leave JSON that says the same; none says something else.
    const wrong = found.filter((each) => typeof each !== 'string' && JSON.stringify(each) !== JSON.stringify(DESCRIPTION));
    expect(wrong).toEqual([]);
    expect(found.filter((each) => typeof each === 'string').length).toBeGreaterThan(bytes.length * 0.9);
  });

  it.each([[{ entry: 1, parts: [{ sha256: '../x', bytes: 1 }] }], [{ entry: 1, parts: [{ sha256: 'a'.repeat(64), bytes: -1 }] }], [{ parts: [] }], [{ entry: 1, parts: 7 }], [{ entry: 1, parts: [{ sha256: 'a'.repeat(64), bytes: 2 ** 40 }] }]])('is refused where it describes nothing: %j', (description) => {
    expect(typeof unseal('key', seal('key', description as never, undefined), undefined)).toBe('string');
  });
});
