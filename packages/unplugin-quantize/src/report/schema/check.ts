import type { Schema } from './build.ts';

/** Where a value breaks a schema and how; undefined where it holds. */
export function findViolation(value: unknown, schema: Schema, path = ''): string | undefined {
  const at = path === '' ? 'the whole' : path;
  if (schema.anyOf !== undefined) {
    const found = schema.anyOf.map((choice) => findViolation(value, choice, path));
    return found.includes(undefined) ? undefined : found[0];
  }
  if (schema.type !== undefined && !TYPES[schema.type](value)) return `${at} is ${describe(value)}, not ${schema.type}`;
  if (schema.enum !== undefined && !schema.enum.includes(value as string)) return `${at} is ${describe(value)}, none of ${schema.enum.join(', ')}`;
  if (schema.pattern !== undefined && !new RegExp(schema.pattern).test(value as string)) return `${at} is ${describe(value)}, not like ${schema.pattern}`;
  if (schema.minimum !== undefined && (value as number) < schema.minimum) return `${at} is ${describe(value)}, less than ${schema.minimum}`;
  if (Array.isArray(value)) return first(value.map((item, i) => () => findViolation(item, schema.items ?? {}, `${path}[${i}]`)));
  if (typeof value !== 'object' || value === null) return undefined;
  const missing = (schema.required ?? []).find((key) => !Object.hasOwn(value, key));
  if (missing !== undefined) return `${at} has no "${missing}"`;
  return first(Object.entries(value).map(([key, item]) => () => findViolation(item, schema.properties?.[key] ?? schema.additionalProperties ?? {}, path === '' ? key : `${path}.${key}`)));
}

const TYPES: Record<NonNullable<Schema['type']>, (value: unknown) => boolean> = {
  string: (value) => typeof value === 'string',
  number: (value) => typeof value === 'number',
  integer: Number.isInteger,
  boolean: (value) => typeof value === 'boolean',
  null: (value) => value === null,
  object: (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  array: Array.isArray,
};

function first(checks: readonly (() => string | undefined)[]): string | undefined {
  for (const check of checks) {
    const violation = check();
    if (violation !== undefined) return violation;
  }
  return undefined;
}

function describe(value: unknown): string {
  const shown = JSON.stringify(value) ?? typeof value;
  return shown.length > 60 ? `${shown.slice(0, 57)}...` : shown;
}
