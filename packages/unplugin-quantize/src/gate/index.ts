export { assertHeld, judge } from './budget.ts';
export type { BudgetFacts } from './limits.ts';
