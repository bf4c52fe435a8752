import type { BaselineTolerance } from './types.ts';

/** What a broken budget does. */
export type OnFail = 'error' | 'warn' | 'fallback' | 'back-off';

/** How a model is judged by the user. */
export interface EvaluateSpec {
  /** Path of the module. */
  module: string;
  /** Files, folders or patterns that it reads, beside those that it imports: a change of one evaluates again. */
  files?: string | string[];
  /** Seconds that the evaluation of one model may take. @default 600 */
  timeLimit?: number;
}

/** Figures that are committed, and what may become of them. */
export interface BaselineSpec {
  /** Path from the project's root. @default 'quantize.lock.json' */
  path?: string;
  /** Accept what is found: write the file in place of comparing. @default false, unless UNPLUGIN_QUANTIZE_UPDATE_BASELINE is set */
  update?: boolean;
  /** How far figures may move. @default { bytes: 0.01, cosine: 0.001, metrics: 0.005 } */
  tolerance?: BaselineTolerance;
}
