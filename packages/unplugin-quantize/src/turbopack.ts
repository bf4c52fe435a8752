import { turbopackRules } from './plugin/emit/turbopack-rules.ts';

export default turbopackRules;
