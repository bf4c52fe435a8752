import { QuantizeError } from '../../errors.ts';
import { assertWithin } from '../../limits.ts';
import { opsetVersion, sameDomain, type FunctionProto, type Model } from '../../onnx/index.ts';
import { calledFunctions, calledKey, functionTable, nodesBelow, type FunctionTable } from './table.ts';

/** Functions that call each other through more levels would overflow the call stack. */
const MAX_DEPTH = 100;

/**
 * The local functions that cannot be inlined, by key, with the reason: a whole sentence.
 *
 * @throws QuantizeError MODEL_INVALID when a function calls itself or through too many others; MODEL_TOO_LARGE where inlining would give too
 *   many nodes, as functions that call others twice grow by powers of two
 */
export function inlineRefusals(model: Model): Map<string, string> {
  const table = functionTable(model);
  assertFinite(model, table);
  const refusals = new Map<string, string>();
  const versions = new Map<string, number>();
  for (const [key, fn] of table) {
    const reason = isEngineDomain(fn.domain) ? 'its domain is one whose operators engines bring themselves' : foreignOpset(model, fn, table, versions);
    if (reason !== undefined) refusals.set(key, `The local function ${key} stays as it is, with the weights in it: ${reason}.`);
  }
  return refusals;
}

/** In these domains onnxruntime prefers an operator of its own to a function of the same name. */
function isEngineDomain(domain: string): boolean {
  return domain === '' || domain === 'ai.onnx' || domain.startsWith('ai.onnx.') || domain.startsWith('com.microsoft');
}

/**
 * Why a function's operators would mean something else in the model: another version of their domain.
 *
 * @param versions of domains that the model does not import, as the functions so far brought them along
 */
function foreignOpset(model: Model, fn: FunctionProto, table: FunctionTable, versions: Map<string, number>): string | undefined {
  const used = new Set([...nodesBelow(fn.node)].filter((node) => !table.has(calledKey(node))).map(({ domain }) => (domain === 'ai.onnx' ? '' : domain)));
  for (const { domain, version } of fn.opsetImport) {
    const name = domain === 'ai.onnx' ? '' : domain;
    if (!used.has(name)) continue;
    const known = opsetVersion(model.proto, name) ?? versions.get(name);
    if (known === undefined) versions.set(name, Number(version));
    else if (known !== Number(version)) return `it uses opset ${version} of ${name === '' ? 'the standard' : name} where the model uses ${known}`;
  }
  const missing = [...used].find((domain) => !fn.opsetImport.some((entry) => sameDomain(entry.domain, domain)));
  return missing === undefined ? undefined : `it does not say which opset of ${missing === '' ? 'the standard' : missing} it uses`;
}

function assertFinite(model: Model, table: FunctionTable): void {
  const sizes = new Map<string, number | 'counting'>();
  const sizeOf = (key: string, depth: number): number => {
    const known = sizes.get(key);
    if (typeof known === 'number') return known;
    const place = { model: model.name, node: key };
    if (known !== undefined) throw new QuantizeError('MODEL_INVALID', 'A local function calls itself.', { ...place, hint: 'Functions of ONNX may not be recursive; export the model again.' });
    if (depth > MAX_DEPTH) throw new QuantizeError('MODEL_INVALID', `Local functions call each other through more than ${MAX_DEPTH} levels.`, place);
    sizes.set(key, 'counting');
    const { node } = table.get(key)!;
    const size = calledFunctions(node, table).reduce((sum, called) => sum + sizeOf(called, depth + 1), [...nodesBelow(node)].length);
    assertWithin('nodes', size, 'A local function stands for too many nodes', { limits: model.limits, ...place });
    sizes.set(key, size);
    return size;
  };
  const total = calledFunctions(model.proto.graph?.node ?? [], table).reduce((sum, key) => sum + sizeOf(key, 1), 0);
  assertWithin('nodes', total, "The model's local functions stand for too many nodes", { limits: model.limits, model: model.name });
}
