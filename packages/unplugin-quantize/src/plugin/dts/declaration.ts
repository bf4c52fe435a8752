import { jsonCode } from '../../printable.ts';
import type { ValueSignature } from '../../types.ts';

/** What one module name stands for: usually one model, several where imports in different folders look alike. */
export interface Declared {
  /** The module's name, with `*` for what may stand before it. */
  pattern: string;
  /** Type of each model, by its name. */
  models: Map<string, string>;
}

const HEADER = `// Inputs and outputs of the models that are imported, written by unplugin-quantize when they change.
/* eslint-disable */
// oxlint-disable
// biome-ignore lint: generated
`;

/** The TypeScript type of a model. */
export function typeOf(inputs: readonly ValueSignature[], outputs: readonly ValueSignature[]): string {
  return `import('unplugin-quantize/runtime').TypedModel<${typeOfValues(inputs)}, ${typeOfValues(outputs)}>`;
}

function typeOfValues(values: readonly ValueSignature[]): string {
  if (values.length === 0) return '{}';
  const fields = values.map(({ name, dtype, dims }) => {
    const shape = dims === null ? 'null' : `[${dims.map((dim) => jsonCode(dim)).join(', ')}]`;
    return `${jsonCode(name)}: { dtype: ${jsonCode(dtype)}; dims: ${shape} }`;
  });
  return `{ ${fields.join('; ')} }`;
}

/**
 * The text of the declaration file: TypeScript takes the first name that fits, so longer ones come first. It depends on what is declared
 * alone, not on the order in which it was found.
 */
export function formatDeclarations(declared: Iterable<Declared>): string {
  const blocks = [...declared].sort((a, b) => b.pattern.length - a.pattern.length || (a.pattern < b.pattern ? -1 : 1));
  return [HEADER, ...blocks.map(formatBlock)].join('\n');
}

function formatBlock({ pattern, models }: Declared): string {
  const types = new Set(models.values());
  const type = types.size === 1 ? [...types][0]! : "import('unplugin-quantize/runtime').QuantizedModel";
  const rows = [...models].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, known]) => `  // ${jsonCode(name)} ${types.size === 1 ? '' : known}`.trimEnd());
  return `declare module ${jsonCode(pattern)} {\n${rows.join('\n')}\n  const model: ${type};\n  export default model;\n}\n`;
}

/** Reads what `formatDeclarations` wrote; what it cannot read it leaves out. */
export function parseDeclarations(text: string): Declared[] {
  return text.split(/^(?=declare module )/m).slice(1).flatMap((block) => {
    const pattern = parseText(/^declare module (".*") \{$/m.exec(block)?.[1]);
    const type = /^ {2}const model: (.*);$/m.exec(block)?.[1];
    if (pattern === undefined || type === undefined) return [];
    const rows = [...block.matchAll(/^ {2}\/\/ ("(?:[^"\\]|\\.)*")(?: (.*))?$/gm)];
    const models = new Map(rows.map(([, name, known]) => [parseText(name)!, known ?? type]));
    return models.size === 0 ? [] : [{ pattern, models }];
  });
}

function parseText(json: string | undefined): string | undefined {
  try {
    return json === undefined ? undefined : (JSON.parse(json) as string);
  } catch {
    return undefined;
  }
}
