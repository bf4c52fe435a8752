import type { RunArguments } from './host.ts';
import type { BatchLayout } from './batch-layout.ts';
import { isEqual, isStackable } from './batch-tensors.ts';

/** A call that may be run together with others. */
export interface Call {
  feeds: RunArguments[0];
  /** Outputs that are asked for; all of them where none are named. */
  fetches: readonly string[] | undefined;
  rows: number;
  /** Equal for calls whose types, shapes and outputs go together. */
  key: string;
}

/** Reads the arguments of `session.run`; null where the call has to be run by itself, which is also how an engine gets to refuse what is wrong with it. */
export function readCall([feeds, ...rest]: RunArguments, layout: BatchLayout): Call | null {
  const fetches = Array.isArray(rest[0]) ? (rest[0] as string[]) : undefined;
  const options = fetches === undefined ? rest : rest.slice(1);
  if (options.some(hasOptions) || !(fetches ?? layout.outputNames).every((name) => layout.outputs.has(name))) return null;
  const names = [...layout.inputs, ...layout.shared];
  if (Object.keys(feeds).length !== names.length || !names.every((name) => isStackable(feeds[name]))) return null;
  const [rows, ...others] = new Set([...layout.inputs].map((name) => feeds[name]!.dims[0]));
  if (rows === undefined || rows === 0 || others.length > 0) return null;
  const shapes = names.map((name) => [feeds[name]!.type, (feeds[name]!.data as object).constructor.name, feeds[name]!.dims.slice(layout.inputs.has(name) ? 1 : 0)]);
  return { feeds, fetches, rows, key: JSON.stringify([shapes, fetches]) };
}

/** Whether two calls of the same key have the same values where all rows share an input. */
export function sharesInputs(a: Call, b: Call, { shared }: BatchLayout): boolean {
  return shared.every((name) => isEqual(a.feeds[name]!, b.feeds[name]!));
}

/** Options of a run hold for that run alone, but for `signal`, which is ours. */
function hasOptions(options: unknown): boolean {
  return options !== undefined && options !== null && Object.keys(options).some((key) => key !== 'signal');
}
