export { assertSound } from './passes/assert-sound.ts';
export * from './attributes.ts';
export * from './edges.ts';
export * from './edit.ts';
export { HALF_OPS } from './ops/half-ops.ts';
export { outputDtype } from './ops/output-dtype.ts';
export { weightAxis } from './ops/weight-inputs.ts';
export { cleanGraph, PASSES, type Pass } from './passes/run-passes.ts';
export * from './scope.ts';
