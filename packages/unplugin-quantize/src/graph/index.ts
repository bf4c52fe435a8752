export * from './attributes.ts';
export * from './edges.ts';
export * from './edit.ts';
export * from './scope.ts';
