/** WebAssembly instructions as bytes, for the few inner loops that four numbers at a time make worth it. */
export type Code = readonly number[];

/** Types of values. */
export const [I32, F32, V128] = [0x7f, 0x7d, 0x7b];

/** Instructions by their names in the specification of WebAssembly. */
export const OP = {
  'i32.load': 0x28,
  'i32.store': 0x36,
  'f32.store': 0x38,
  'f64.store': 0x39,
  'i32.lt_u': 0x49,
  'i32.add': 0x6a,
  'i32.sub': 0x6b,
  'i32.mul': 0x6c,
  'i32.and': 0x71,
  'i32.shr_u': 0x76,
  'f32.min': 0x96,
  'f32.max': 0x97,
  'f64.add': 0xa0,
} as const;

/** Those on 128 bits, for `simd`. */
export const SIMD = {
  'v128.load': 0x00,
  'v128.load32_splat': 0x09,
  'v128.store': 0x0b,
  'i8x16.shuffle': 0x0d,
  'f32x4.splat': 0x13,
  'i32x4.extract_lane': 0x1b,
  'f32x4.extract_lane': 0x1f,
  'f64x2.extract_lane': 0x21,
  'i32x4.lt_s': 0x39,
  'i32x4.ge_s': 0x3f,
  'v128.and': 0x4e,
  'v128.or': 0x50,
  'v128.bitselect': 0x52,
  'v128.any_true': 0x53,
  'v128.load32_lane': 0x56,
  'v128.load32_zero': 0x5c,
  'f64x2.promote_low_f32x4': 0x5f,
  'f32x4.floor': 0x68,
  'i16x8.narrow_i32x4_u': 0x86,
  'i32x4.shl': 0xab,
  'i32x4.shr_u': 0xad,
  'i32x4.add': 0xae,
  'i32x4.sub': 0xb1,
  'f32x4.add': 0xe4,
  'f32x4.mul': 0xe6,
  'f32x4.pmin': 0xea,
  'f32x4.pmax': 0xeb,
  'f64x2.add': 0xf0,
} as const;

export const get = (local: number): Code => [0x20, local];
export const set = (local: number): Code => [0x21, local];
/** Of type i32. */
export const constant = (value: number): Code => [0x41, ...signed(value)];
export const simd = (operation: number, ...rest: Code): Code => [0xfd, ...unsigned(operation), ...rest];
/** The same 32 bits in all four lanes. */
export const lanes = (word: number): Code => simd(0x0c, ...new Uint8Array(Int32Array.of(word, word, word, word).buffer));
/** Repeats the code as long as the condition is not zero; once at least. */
export const repeat = (code: Code, condition: Code): Code => [0x03, 0x40, ...code, ...condition, 0x0d, 0x00, 0x0b];
/** Does the code where the condition is not zero. */
export const when = (condition: Code, code: Code): Code => [...condition, 0x04, 0x40, ...code, 0x0b];
/** Offset and alignment of a memory access. */
export const place = (offset: number, alignment: number): Code => [alignment, ...unsigned(offset)];

export interface WasmFunction {
  name: string;
  parameters: Code;
  result?: number;
  /** How many of which type; they follow the parameters. */
  locals: readonly (readonly [count: number, type: number])[];
  body: Code;
}

const PAGE = 1 << 16;

/**
 * Functions over one memory.
 *
 * @param bytes size of the memory
 * @returns undefined where there is no WebAssembly with SIMD, a page forbids it, or words are stored in another order
 */
export function instantiate(functions: readonly WasmFunction[], bytes: number): { memory: WebAssembly.Memory; call: Record<string, (...values: number[]) => number> } | undefined {
  const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
  if (!isLittleEndian || typeof WebAssembly === 'undefined') return undefined;
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes(functions, Math.ceil(bytes / PAGE))));
    const call = Object.fromEntries(functions.map(({ name }) => [name, exports[name] as (...values: number[]) => number]));
    return { memory: exports['memory'] as WebAssembly.Memory, call };
  } catch (error) {
    // A page's policy may forbid compiling.
    if (error instanceof WebAssembly.CompileError || error instanceof EvalError) return undefined;
    throw error;
  }
}

function moduleBytes(functions: readonly WasmFunction[], pages: number): Uint8Array<ArrayBuffer> {
  const vector = (items: readonly Code[]): Code => [...unsigned(items.length), ...items.flat()];
  const section = (id: number, content: Code): Code => [id, ...unsigned(content.length), ...content];
  const text = (name: string): Code => [name.length, ...[...name].map((letter) => letter.charCodeAt(0))];
  const sized = (content: Code): Code => [...unsigned(content.length), ...content];
  return Uint8Array.from([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, vector(functions.map(({ parameters, result }) => [0x60, ...sized(parameters), ...(result === undefined ? [0] : [1, result])]))),
    ...section(3, vector(functions.map((_, index) => unsigned(index)))),
    ...section(5, [1, 0, ...unsigned(pages)]),
    ...section(7, vector([[...text('memory'), 2, 0], ...functions.map(({ name }, index) => [...text(name), 0, ...unsigned(index)])])),
    ...section(10, vector(functions.map(({ locals, body }) => sized([...vector(locals.map(([count, type]) => [...unsigned(count), type])), ...body, 0x0b])))),
  ]);
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  return value >= -64 && value < 64 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}
