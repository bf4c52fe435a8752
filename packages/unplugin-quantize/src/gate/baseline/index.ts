export { assertBaseline, BASELINE_TOLERANCE, compareToBaseline, improvementNotes } from './compare.ts';
export { baselineText, NO_BASELINE, parseBaseline, withReports, type Baseline } from './lock.ts';
