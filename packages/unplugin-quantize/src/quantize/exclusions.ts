import { elementCount, type NodeProto, type TensorProto } from '../onnx/index.ts';
import type { ResolvedModelOptions } from '../options.ts';
import type { Weight } from './context.ts';
import { nameMatcher } from './match-names.ts';
import { readersThroughMovers } from './readers.ts';

type ExclusionOptions = Pick<ResolvedModelOptions, 'exclude' | 'excludeOps' | 'include' | 'half' | 'minElements'>;

/** The reason of weights that are left to storage in half precision. */
export const HALF = 'stored in half precision by name';

/** Why the user wants a weight left alone; undefined where it may be changed. */
type Rule = (weight: Weight) => string | undefined;

/** The weights that the options `exclude`, `excludeOps`, `include`, `half` and `minElements` keep formats from, with the reason. */
export function findExclusions(options: ExclusionOptions, weightsOf: () => readonly Weight[]): Map<TensorProto, string> {
  const rules = rulesOf(options);
  const found = new Map<TensorProto, string>();
  if (rules.length === 0) return found;
  for (const weight of weightsOf()) {
    const reason = rules.map((rule) => rule(weight)).find((one) => one !== undefined);
    if (reason !== undefined) found.set(weight.proto, reason);
  }
  return found;
}

function rulesOf({ exclude, excludeOps, include, half, minElements }: ExclusionOptions): Rule[] {
  const [isExcluded, isIncluded, isHalf] = [nameMatcher(exclude), nameMatcher(include), nameMatcher(half)];
  const rules: Rule[] = [];
  if (exclude.length > 0) rules.push((weight) => (isNamed(weight, isExcluded) ? 'excluded by name' : undefined));
  if (excludeOps.length > 0) rules.push((weight) => {
    const reader = [...readersThroughMovers(weight.uses, weight.edgesAt)].find(({ opType }) => excludeOps.includes(opType));
    return reader && `excluded as a weight of ${reader.opType}`;
  });
  if (include.length > 0) rules.push((weight) => (isNamed(weight, isIncluded) ? undefined : 'not among the names to include'));
  if (minElements > 1) rules.push(({ tensor }) => (elementCount(tensor.dims) < minElements ? `has fewer than ${minElements} elements` : undefined));
  if (half.length > 0) rules.push((weight) => (isNamed(weight, isHalf) ? HALF : undefined));
  return rules;
}

/** True when a pattern matches the weight itself, with the path of its subgraph or without, or a node that reads it, also through a Transpose or Reshape. */
export function isNamed({ proto, uses, edges, edgesAt }: Weight, matches: (name: string) => boolean): boolean {
  if (matches(proto.name) || (edges.scope.path !== '' && matches(edges.scope.path + proto.name))) return true;
  for (const node of readersThroughMovers(uses, edgesAt)) if (node.name !== '' && matches(node.name)) return true;
  return false;
}

/** The same for nodes: one is included by its own name or that of a value which it reads. */
export function nodeExclusion({ exclude, excludeOps, include, half }: ExclusionOptions): (node: NodeProto) => boolean {
  const [isExcluded, isIncluded] = [nameMatcher([...exclude, ...half]), nameMatcher(include)];
  return ({ name, opType, input }) => (name !== '' && isExcluded(name)) || excludeOps.includes(opType)
    || (include.length > 0 && ![name, ...input].some((one) => one !== '' && isIncluded(one)));
}
