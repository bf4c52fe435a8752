export { accuracy, topKAccuracy } from './accuracy.ts';
export { intersectionOverUnion, type Box } from './boxes.ts';
export { classesOf } from './classes.ts';
export { pearson, spearman } from './correlation.ts';
export { characterErrorRate, wordErrorRate } from './error-rate.ts';
export { f1Score, type F1Options } from './f1.ts';
export { meanAveragePrecision, type DetectedImage, type FoundObject, type PrecisionOptions, type TrueObject } from './mean-average-precision.ts';
export { perplexity, type PredictedText } from './perplexity.ts';
export type { Scores, Values } from './values.ts';
