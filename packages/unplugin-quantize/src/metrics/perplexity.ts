import { QuantizeError } from '../errors.ts';
import { pairsOf, rowsOf, type Scores, type Values } from './values.ts';

/** Scores of a text's tokens, and for each row the token that really followed; a negative one is not counted. */
export interface PredictedText {
  scores: Scores;
  targets: Values;
}

/**
 * Perplexity of texts: exp of the mean of -ln softmax(scores)[target] over all tokens. 1 is the least; a model that knows nothing has as much as
 * there are tokens. Where a model's row i predicts token i + 1, give the scores of all but the last token and the targets from the second on.
 *
 * @throws QuantizeError SAMPLES_INVALID for rows and targets of different numbers, a target that is no column, and no token at all
 */
export function perplexity(texts: Iterable<PredictedText>): number {
  let [loss, tokens] = [0, 0];
  for (const { scores, targets } of texts) {
    const { width, height } = rowsOf('perplexity', scores);
    const count = pairsOf('perplexity', { length: height }, targets);
    for (let row = 0; row < count; row++) {
      const target = Number(targets[row]);
      if (target < 0) continue;
      if (!(target < width)) throw new QuantizeError('SAMPLES_INVALID', `perplexity was given token ${target}, but rows have ${width} scores.`);
      loss += surprise(scores.data, row * width, width, target);
      tokens++;
    }
  }
  if (tokens === 0) throw new QuantizeError('SAMPLES_INVALID', 'perplexity was given no token to count.');
  return Math.exp(loss / tokens);
}

/** -ln softmax(scores)[target] */
function surprise(data: ArrayLike<number>, start: number, width: number, target: number): number {
  let top = -Infinity;
  for (let i = 0; i < width; i++) top = Math.max(top, data[start + i]!);
  let sum = 0;
  for (let i = 0; i < width; i++) sum += Math.exp(data[start + i]! - top);
  return Math.log(sum) + top - data[start + target]!;
}
