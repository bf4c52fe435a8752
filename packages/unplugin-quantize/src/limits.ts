import { QuantizeError } from './errors.ts';
import { didYouMean } from './suggest.ts';

/** What a model may ask for. A model is a stranger's file: one that asks for more is refused before it takes the time and memory. */
export interface Limits {
  /** Bytes of everything but weights, which are kept in memory. */
  structureBytes: number;
  /** Nodes with those of subgraphs, and of local functions where they are called. */
  nodes: number;
  /** Tensors of any size. */
  tensors: number;
  /** Local functions. */
  functions: number;
  /** Fields of all kinds: names, attributes, dims and so on. */
  parts: number;
  /** Characters of a name. */
  nameLength: number;
  /** Bytes of the inputs that are generated for one run. */
  inputBytes: number;
  /** Bytes of one file of samples, unpacked. */
  sampleBytes: number;
}

interface LimitRow {
  default: number;
  help: string;
}

const MEBI = 2 ** 20;

/** Several times what the largest models have that are known; each keeps a reader below 2 GB, Node's own limit on small machines. */
export const LIMITS: Record<keyof Limits, LimitRow> = {
  structureBytes: { default: 256 * MEBI, help: 'bytes of a model besides its weights' },
  nodes: { default: 500_000, help: 'nodes, with those of subgraphs and of local functions where they are called' },
  tensors: { default: 500_000, help: 'tensors of any size' },
  functions: { default: 10_000, help: 'local functions' },
  parts: { default: 5_000_000, help: 'names, attributes, dims and all other fields' },
  nameLength: { default: 10_000, help: 'characters of a name' },
  inputBytes: { default: 256 * MEBI, help: 'bytes of generated inputs of one run' },
  sampleBytes: { default: 2048 * MEBI, help: 'bytes of one file of samples, unpacked' },
};

/** @throws QuantizeError OPTION_UNKNOWN, OPTION_INVALID */
export function checkLimits(value: unknown, key = 'limits'): void {
  if (value === undefined) return;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new QuantizeError('OPTION_INVALID', `"${key}" is not an object of numbers.`, { option: key });
  for (const [name, number] of Object.entries(value)) {
    if (!Object.hasOwn(LIMITS, name)) throw new QuantizeError('OPTION_UNKNOWN', `There is no limit "${name}".`, { option: `${key}.${name}`, hint: didYouMean(name, Object.keys(LIMITS)) });
    if (number === undefined || (Number.isSafeInteger(number) && number > 0)) continue;
    throw new QuantizeError('OPTION_INVALID', `"${key}.${name}" is ${String(number)}, which is not a whole number above 0.`, { option: `${key}.${name}` });
  }
}

/** Limits of this process where a caller gives none of its own. */
const current: Limits = Object.fromEntries(Object.entries(LIMITS).map(([name, row]) => [name, row.default])) as unknown as Limits;

export function processLimits(): Readonly<Limits> {
  return current;
}

/** Changes the limits of this process: for programs and workers, which work for one caller. */
export function setProcessLimits(given: Partial<Limits>): void {
  Object.assign(current, withLimits(given));
}

/** The limits of this process with others where they are given. */
export function withLimits(given: Partial<Limits> = {}): Limits {
  return { ...current, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) };
}

export interface LimitedPlace {
  /** Those of the process unless given. */
  limits?: Readonly<Limits> | undefined;
  model?: string | undefined;
  node?: string | undefined;
}

/**
 * @param what what there is too much of, as the subject of a sentence in the plural
 * @throws QuantizeError MODEL_TOO_LARGE
 */
export function assertWithin(limit: keyof Limits, found: number, what: string, { limits = current, model, node }: LimitedPlace = {}): void {
  if (found <= limits[limit]) return;
  throw new QuantizeError('MODEL_TOO_LARGE', `${what}: more than ${limits[limit]}, which is the limit.`, {
    model,
    node,
    hint: `If the model is what you expect, raise \`limits: { ${limit} }\`.`,
  });
}
