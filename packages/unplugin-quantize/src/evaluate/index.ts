export { checkArtefact, type CheckOptions } from './check.ts';
export { compareModels, type CompareOptions, type Comparison } from './compare.ts';
export type { Engine, ModelFile, RunModel, SessionOptions } from './engine.ts';
export { findEngines, requireEngine, type EngineLoaders, type FoundEngines } from './find-engines.ts';
export { INSTALL_HINT } from './install-hint.ts';
export { accuracyMeter, type AccuracyMeter, type OutputValues } from './metrics.ts';
export { findSyntheticFeeds } from './synthetic-feeds.ts';
export { observeRuns, type ObservedRuns, type ObserveOptions } from './observe-runs.ts';
