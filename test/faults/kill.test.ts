import { describe, expect, it } from 'vitest';
import { hasDist } from '../support/dist.ts';
import { killBuilds } from './kill.ts';

describe.skipIf(!hasDist || process.platform === 'win32')('a build that is killed (needs the built package)', { timeout: 300_000 }, () => {
  it('at any of 15 moments leaves a cache with which the next build gives the same bytes', async () => {
    const { killed, failures } = await killBuilds({ times: 15, seed: 2026 });
    expect(failures).toEqual([]);
    // Otherwise the moments say nothing: the builds were over.
    expect(killed).toBeGreaterThan(5);
  });
});
