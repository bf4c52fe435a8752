import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, it } from 'vitest';
import { FORMATS } from '../../packages/unplugin-quantize/src/options.ts';

const require = createRequire(import.meta.url);
const tsc = join(dirname(require.resolve('typescript/package.json')), 'bin/tsc');

it('types model imports', () => {
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', join(import.meta.dirname, 'fixtures/types')], { encoding: 'utf8' });
  expect(stdout).toBe('');
  expect(status).toBe(0);
});

it('knows every format', () => {
  const text = readFileSync(join(import.meta.dirname, '../../packages/unplugin-quantize/client.d.ts'), 'utf8');
  for (const format of Object.keys(FORMATS)) {
    expect(text).toContain(`'*.onnx?quantize=${format}'`);
    expect(text).toContain(`'*&quantize=${format}'`);
  }
});
