import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Version of this package, from the package.json two folders above, for sources and for what is built from them. */
export function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as { version: string };
  return version;
}
