export * from './attributes.ts';
export * from './edges.ts';
export * from './edit.ts';
export { weightAxis } from './ops/weight-inputs.ts';
export * from './scope.ts';
