import { scopesOf } from '../graph/index.ts';
import type { Model, NodeProto } from '../onnx/index.ts';
import { isRegExp, type NamePattern, type ResolvedModelOptions } from '../options.ts';
import { closest } from '../suggest.ts';
import { nameMatcher } from './match-names.ts';

type NamingOptions = Pick<ResolvedModelOptions, 'exclude' | 'include' | 'half' | 'mixed' | 'excludeOps'>;

/** Options that name nodes and weights. */
const NAMING = ['exclude', 'include', 'half', 'mixed'] as const;

/**
 * Notes for names in the options that nothing in the model has: a slip of the pen, or a model that was exported anew.
 *
 * @param model as it was read
 * @returns what takes the model when it is cleaned, whose inlined functions have brought more names, and gives the notes
 */
export function unmatchedNames(model: Model, options: NamingOptions): (cleaned: Model) => string[] {
  const asked = NAMING.flatMap((option) => (options[option] ?? []).map((pattern) => ({ option, pattern })));
  if (asked.length === 0 && options.excludeOps.length === 0) return () => [];
  const names = new Set<string>();
  const operators = new Set<string>();
  collect(model, names, operators);
  return (cleaned) => {
    collect(cleaned, names, operators);
    const unnamed = asked.filter(({ pattern }) => ![...names].some(nameMatcher([pattern])));
    const unused = options.excludeOps.filter((op) => !operators.has(op));
    return [
      ...unnamed.map(({ option, pattern }) => `${option}: nothing in the model is called ${spell(pattern)}.${suggestion(pattern, names)}`),
      ...unused.map((op) => `excludeOps: the model has no operator "${op}".${suggestion(op, operators)}`),
    ];
  };
}

function collect(model: Model, names: Set<string>, operators: Set<string>): void {
  const addNode = ({ name, opType, output }: NodeProto): void => {
    operators.add(opType);
    for (const one of [name, ...output]) if (one !== '') names.add(one);
  };
  for (const { graph, path } of scopesOf(model)) {
    graph.node.forEach(addNode);
    for (const { name } of graph.initializer) names.add(name).add(path + name);
  }
  for (const { node } of model.proto.functions) for (const { opType } of node) operators.add(opType);
}

function spell(pattern: NamePattern): string {
  return isRegExp(pattern) ? String(pattern) : JSON.stringify(pattern);
}

/** The nearest name, also of a part of a path, as patterns often are: `lm_haed*` for `/lm_head/MatMul`. */
function suggestion(pattern: NamePattern, names: ReadonlySet<string>): string {
  if (isRegExp(pattern)) return '';
  const text = pattern.replaceAll('*', '');
  const parts = new Set([...names].flatMap((name) => name.split(/[/.]/)).filter((part) => part !== ''));
  const near = text === '' ? undefined : (closest(text, names) ?? closest(text.replaceAll('/', ''), parts));
  return near === undefined ? '' : ` Did you mean "${near}"?`;
}
