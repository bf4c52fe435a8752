export * from './applicable.ts';
export { judge } from './budget.ts';
export { assertHeld } from './held.ts';
export type { BudgetFacts } from './limits.ts';
export * from './baseline/index.ts';
