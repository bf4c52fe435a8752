import { QuantizeError } from '../../errors.ts';
import { globExpression } from '../../calibrate/files/glob.ts';
import type { ModelRule } from '../../options.ts';
import { checkLayer, type SettingsLayer } from './layers.ts';

/**
 * The entries of the option `models` as layers, each with the models that it is for.
 *
 * @throws QuantizeError OPTION_UNKNOWN, OPTION_INVALID
 */
export function readRules(rules: readonly ModelRule[]): { fits(name: string): boolean; layer: SettingsLayer }[] {
  if (!Array.isArray(rules)) throw invalid('models', 'is not a list', 'Write `models: [{ match: "ocr/*.onnx", format: "int4" }]`.');
  return rules.map((rule: ModelRule, i) => {
    const option = `models[${i}]`;
    if (typeof rule !== 'object' || rule === null) throw invalid(option, 'is not an object', 'Write `{ match: "ocr/*.onnx", format: "int4" }`.');
    const { match, ...options } = rule;
    const patterns = [match].flat();
    if (patterns.length === 0 || !patterns.every((pattern) => typeof pattern === 'string' && pattern !== '')) {
      throw invalid(`${option}.match`, 'is neither a pattern nor a list of them', 'Say which models are meant: `match: "ocr/*.onnx"`.');
    }
    const layer = { from: `${option} (${patterns.join(', ')})`, options };
    checkLayer(layer);
    const expressions = patterns.map((pattern) => globExpression(pattern.replace(/^\.?\//, '')));
    return { layer, fits: (name: string) => expressions.some((expression) => expression.test(name)) };
  });
}

function invalid(option: string, problem: string, hint: string): QuantizeError {
  return new QuantizeError('OPTION_INVALID', `"${option}" ${problem}.`, { option, hint });
}
