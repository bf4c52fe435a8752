import type { Target } from '../types.ts';

/** Where a build's output runs. */
export type Platform = 'browser' | 'node';

/** What a model is made for that nobody named targets for. */
export const DEFAULT_TARGETS: Record<Platform, readonly Target[]> = { browser: ['webgpu', 'wasm'], node: ['node'] };
