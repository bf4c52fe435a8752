import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const [, section = ''] = /^## Frameworks\n([^]*?)^## /m.exec(readFileSync(join(root, 'README.md'), 'utf8')) ?? [];
const blocks = [...section.matchAll(/^```\w+\n\/\/ (examples\/\S+)\n([^]*?)^```/gm)].map(([, path, text]) => [path!, text!] as const);

describe('the README’s frameworks', () => {
  it('are there', () => expect(blocks.length).toBeGreaterThan(0));
  it.each(blocks)('are configured as in %s, which the tests build', (path, text) => {
    const file = readFileSync(join(root, path), 'utf8');
    // Without semicolons and comments, as short code is written there.
    const code = file.replace(/^ *\/\/.*\n|^ *\/\*\*.*\*\/\n/gm, '').replace(/;$/gm, '');
    expect(text.trim()).toBe(code.trim());
    expect(existsSync(join(root, 'test/examples', `${path.split('/')[1]!}.test.ts`))).toBe(true);
  });
});
