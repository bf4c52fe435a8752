import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    pool: 'forks',
    // What the package adds for GitHub's workflows would be in the output that tests look at.
    env: { GITHUB_ACTIONS: '', GITHUB_STEP_SUMMARY: '' },
    maxWorkers: 2,
  },
});
