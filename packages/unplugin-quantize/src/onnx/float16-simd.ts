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
const PAGE = 1 << 16;
/** Results lie behind the numbers. */
const RESULTS = CAPACITY * 4;

/** Undefined where there is no WebAssembly with SIMD, a page forbids it, or words are stored in another order. */
export function createHalfKernel(): HalfKernel | undefined {
  const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
  if (!isLittleEndian || typeof WebAssembly === 'undefined') return undefined;
  try {
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(moduleBytes()));
    const { memory, convert } = exports as { memory: WebAssembly.Memory; convert(end: number): number };
    const numbers = new Int32Array(memory.buffer, 0, CAPACITY);
    const results = new Uint16Array(memory.buffer, RESULTS, CAPACITY);
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
  } catch (error) {
    // A page's policy may forbid compiling; everything is converted one by one then.
    if (error instanceof WebAssembly.CompileError || error instanceof EvalError) return undefined;
    throw error;
  }
}

type Code = readonly number[];

const I32 = 0x7f;
const V128 = 0x7b;
const [END, BESIDES, NUMBER, HALVES] = [0, 1, 2, 3];

const get = (local: number): Code => [0x20, local];
const set = (local: number): Code => [0x21, local];
const constant = (value: number): Code => [0x41, ...signed(value)];
const simd = (operation: number, ...rest: Code): Code => [0xfd, ...unsigned(operation), ...rest];
const lanes = (word: number): Code => simd(0x0c, ...new Uint8Array(Int32Array.of(word, word, word, word).buffer));
const [AND, OR, SELECT, ANY] = [simd(0x4e), simd(0x50), simd(0x52), simd(0x53)];
const [ADD, SUBTRACT, BELOW, AT_LEAST, ADD_FLOATS, NARROW] = [simd(0xae), simd(0xb1), simd(0x39), simd(0x3f), simd(0xe4), simd(0x86)];
const shiftRight = (bits: number): Code => [...constant(bits), ...simd(0xad)];
/** Of the memory at an address that is on the stack. */
const load = (offset: number): Code => simd(0x00, 4, ...unsigned(offset));
const store = (offset: number): Code => simd(0x0b, 4, ...unsigned(offset));

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
  0x03, 0x40,
  ...get(END), ...constant(32), 0x6b, ...set(END),
  ...get(END), ...load(0), ...set(NUMBER), ...NOTE, ...HALF, ...set(HALVES),
  ...get(END), ...load(16), ...set(NUMBER), ...NOTE,
  // The results take half as many bytes.
  ...get(END), ...constant(1), 0x76, ...get(HALVES), ...HALF, ...NARROW, ...store(RESULTS),
  ...get(END), 0x0d, 0x00,
  0x0b,
  ...get(BESIDES), ...ANY,
  0x0b,
];

function moduleBytes(): Uint8Array<ArrayBuffer> {
  const locals = [1, 3, V128];
  const code = [...locals, ...BODY];
  const section = (id: number, content: Code): Code => [id, ...unsigned(content.length), ...content];
  const name = (text: string): Code => [text.length, ...[...text].map((letter) => letter.charCodeAt(0))];
  return Uint8Array.from([
    0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
    ...section(1, [1, 0x60, 1, I32, 1, I32]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, ...unsigned((CAPACITY * 6) / PAGE)]),
    ...section(7, [2, ...name('memory'), 2, 0, ...name('convert'), 0, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): number[] {
  return value >= -64 && value < 64 ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}
