import { type Code, constant, get, I32, instantiate, lanes, OP, place, repeat, set, SIMD, simd, V128 } from './wasm-code.ts';

/**
 * The conversion of `float16.ts` for four numbers at a time, as a WebAssembly module that is put together here: scalar JavaScript takes
 * a third of the time of a whole conversion to half precision. Values beyond the range of float16 are only told of.
 */
export interface HalfKernel {
  /** As many float32 patterns as fit in at once. */
  readonly capacity: number;
  /** @returns false where a value rounds to infinity, is infinite or NaN; the results are of no use then */
  convert(from: Int32Array, to: Uint16Array): boolean;
}

/** Numbers converted at once; both ends are in a processor's cache. */
const CAPACITY = 1 << 16;
/** Results lie behind the numbers. */
const RESULTS = CAPACITY * 4;

/** Undefined where there is no WebAssembly with SIMD; everything is converted one by one then. */
export function createHalfKernel(): HalfKernel | undefined {
  const made = instantiate([{ name: 'convert', parameters: [I32], result: I32, locals: [[3, V128]], body: BODY }], CAPACITY * 6);
  if (made === undefined) return undefined;
  const numbers = new Int32Array(made.memory.buffer, 0, CAPACITY);
  const results = new Uint16Array(made.memory.buffer, RESULTS, CAPACITY);
  const convert = made.call['convert']!;
  return {
    capacity: CAPACITY,
    convert(from, to) {
      if (from.length === 0) return true;
      numbers.set(from);
      // Eight at a time: what lies behind the last ones is converted too.
      numbers.fill(0, from.length, Math.ceil(from.length / 8) * 8);
      const isBeyond = convert(Math.ceil(from.length / 8) * 32) !== 0;
      to.set(results.subarray(0, from.length));
      return !isBeyond;
    },
  };
}

const [END, BESIDES, NUMBER, HALVES] = [0, 1, 2, 3];

const [AND, OR, SELECT, ANY] = [simd(SIMD['v128.and']), simd(SIMD['v128.or']), simd(SIMD['v128.bitselect']), simd(SIMD['v128.any_true'])];
const [ADD, SUBTRACT, BELOW, AT_LEAST, ADD_FLOATS, NARROW] = [simd(SIMD['i32x4.add']), simd(SIMD['i32x4.sub']), simd(SIMD['i32x4.lt_s']), simd(SIMD['i32x4.ge_s']), simd(SIMD['f32x4.add']), simd(SIMD['i16x8.narrow_i32x4_u'])];
const shiftRight = (bits: number): Code => [...constant(bits), ...simd(SIMD['i32x4.shr_u'])];
/** Of the memory at an address that is on the stack. */
const load = (offset: number): Code => simd(SIMD['v128.load'], ...place(offset, 4));
const store = (offset: number): Code => simd(SIMD['v128.store'], ...place(offset, 4));

const MAGNITUDE = [...get(NUMBER), ...lanes(0x7fffffff), ...AND];
const ABOVE_SMALLEST = [...MAGNITUDE, ...lanes(0x38800000), ...SUBTRACT];

/** Takes the numbers from NUMBER and leaves four halves in words of 32 bits; see `float16.ts` for the constants. */
const HALF: Code = [
  // Numbers below the normal range: adding 0.5 lets the FPU round them.
  ...MAGNITUDE, ...lanes(0x3f000000), ...ADD_FLOATS, ...lanes(0x3f000000), ...SUBTRACT,
  ...ABOVE_SMALLEST, ...lanes((0x400 << 13) + 0xfff), ...ADD, ...ABOVE_SMALLEST, ...shiftRight(13), ...lanes(1), ...AND, ...ADD, ...shiftRight(13),
  ...ABOVE_SMALLEST, ...lanes(0), ...BELOW, ...SELECT,
  ...get(NUMBER), ...shiftRight(16), ...lanes(0x8000), ...AND, ...OR,
];

/** Whether a value is beyond the range, gathered. */
const NOTE: Code = [...get(BESIDES), ...MAGNITUDE, ...lanes(0x477ff000), ...AT_LEAST, ...OR, ...set(BESIDES)];

/** Eight numbers a turn, from the last to the first: END is where those that are still to do end. */
const BODY: Code = [
  ...repeat([
    ...get(END), ...constant(32), OP['i32.sub'], ...set(END),
    ...get(END), ...load(0), ...set(NUMBER), ...NOTE, ...HALF, ...set(HALVES),
    ...get(END), ...load(16), ...set(NUMBER), ...NOTE,
    // The results take half as many bytes.
    ...get(END), ...constant(1), OP['i32.shr_u'], ...get(HALVES), ...HALF, ...NARROW, ...store(RESULTS),
  ], get(END)),
  ...get(BESIDES), ...ANY,
];
