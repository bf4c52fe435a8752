/** A JSON schema, of the words of draft 7 that check.ts knows. */
export interface Schema {
  description?: string;
  type?: 'string' | 'number' | 'integer' | 'boolean' | 'null' | 'object' | 'array';
  enum?: readonly (string | number)[];
  pattern?: string;
  minimum?: number;
  anyOf?: readonly Schema[];
  items?: Schema;
  properties?: Readonly<Record<string, Schema>>;
  required?: readonly string[];
  /** What further properties have to be; anything where it is left out. */
  additionalProperties?: Schema;
}

type OptionalKeys<T> = { [Key in keyof T]-?: undefined extends T[Key] ? Key : never }[keyof T];
type RequiredKeys<T> = Exclude<keyof T, OptionalKeys<T>>;

export const text: Schema = { type: 'string' };
export const number: Schema = { type: 'number' };
export const flag: Schema = { type: 'boolean' };
export const count: Schema = { type: 'integer', minimum: 0 };
export const sha256: Schema = { type: 'string', pattern: '^([0-9a-f]{64})?$' };

export function oneOf(values: readonly (string | number)[], description?: string): Schema {
  return { type: 'string', enum: values, ...(description !== undefined && { description }) };
}

export function nullable(schema: Schema): Schema {
  return { anyOf: [schema, { type: 'null' }] };
}

export function list(items: Schema): Schema {
  return { type: 'array', items };
}

export function map(values: Schema): Schema {
  return { type: 'object', additionalProperties: values };
}

export function about(description: string, schema: Schema): Schema {
  return { ...schema, description };
}

/** The schema of an interface; the compiler sees to it that every field is there, and on the right side. Further fields may come: reports of newer releases stay valid. */
export function object<T>(required: Record<RequiredKeys<T> & string, Schema>, optional: Record<OptionalKeys<T> & string, Schema>): Schema {
  return { type: 'object', properties: { ...required, ...optional }, required: Object.keys(required) };
}
