import { type Code, constant, F32, get, I32, instantiate, lanes, OP, place, repeat, set, SIMD, simd, V128, when } from '../../onnx/wasm-code.ts';
import { SIDE } from './bins.ts';

/** The inner loops over activations, four values at a time: in scalar JavaScript they take longer than the model does. */
export interface RangeKernel {
  /** Puts as many values as PIECE at most where the loops read them. */
  load(values: Float32Array): void;
  /** Looks at `count` planes, PLANES at most, of `inner` loaded values each. Element 4 p of `ends` is the least of plane p, 4 p + 1 the largest; element 2 p + 1 of `sums` the sum. */
  summarize(inner: number, count: number): void;
  readonly ends: Float32Array;
  readonly sums: Float64Array;
  /** Counts four loaded values a turn, `stride` apart: bin SIDE + floor(value inverse) of one of the tables. They must be finite and in the bins. */
  tally(first: number, stride: number, inverse: number, turns: number): void;
  /** Two, because a processor waits where it counts up the same bin twice in a row. */
  readonly tables: readonly [Uint32Array, Uint32Array];
}

/** Values that are looked at together; they stay in a processor's cache. */
export const PIECE = 1 << 18;
export const PLANES = 1 << 14;
const TABLE_BYTES = 2 * SIDE * 4;
const RESULTS = 2 * TABLE_BYTES;
const VALUES = RESULTS + 16 * PLANES;

/** Null where there is no WebAssembly with SIMD. */
function createRangeKernel(): RangeKernel | null {
  const made = instantiate([
    { name: 'summarize', parameters: [I32, I32, I32], locals: [[3, I32], [5, V128]], body: SUMMARIZE },
    { name: 'tally', parameters: [I32, I32, F32, I32], locals: [[2, V128], [1, I32]], body: TALLY },
  ], VALUES + 4 * PIECE);
  if (made === undefined) return null;
  const { memory: { buffer }, call: { summarize, tally } } = made;
  const values = new Float32Array(buffer, VALUES, PIECE);
  return {
    load: (given) => values.set(given),
    summarize: (inner, count) => void summarize!(VALUES, 4 * inner, count),
    ends: new Float32Array(buffer, RESULTS, 4 * PLANES),
    sums: new Float64Array(buffer, RESULTS, 2 * PLANES),
    tally: (first, stride, inverse, turns) => void tally!(VALUES + 4 * first, 4 * stride, inverse, turns),
    tables: [new Uint32Array(buffer, 0, 2 * SIDE), new Uint32Array(buffer, TABLE_BYTES, 2 * SIDE)],
  };
}

let shared: RangeKernel | null | undefined;

/** One for everybody, made when it is first asked for. */
export function rangeKernel(): RangeKernel | null {
  if (shared === undefined) shared = createRangeKernel();
  return shared;
}

const add = (local: number, amount: Code): Code => [...get(local), ...amount, OP['i32.add'], ...set(local)];
const isBelow = (a: number, b: number): Code => [...get(a), ...get(b), OP['i32.lt_u']];
const splatted = (local: number): Code => [...get(local), ...simd(SIMD['v128.load32_splat'], ...place(0, 2))];
const alone = (local: number): Code => [...get(local), ...simd(SIMD['v128.load32_zero'], ...place(0, 2))];
const [ADD_DOUBLES, TO_DOUBLES, LEAST, MOST] = [simd(SIMD['f64x2.add']), simd(SIMD['f64x2.promote_low_f32x4']), simd(SIMD['f32x4.pmin']), simd(SIMD['f32x4.pmax'])];
/** The upper two lanes, in the place of the lower. */
const UPPER = simd(SIMD['i8x16.shuffle'], 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
const [INFINITY, MINUS_INFINITY] = [0x7f800000, 0xff800000 | 0];

const [AT, INNER, COUNT, END, WHOLE, OUT, VALUE, LOW, HIGH, SUM, UPPER_SUM] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
const lane = (local: number, index: number): Code => [...get(local), ...simd(SIMD['f32x4.extract_lane'], index)];
/** Folds four lanes by an operation on two. */
const across = (local: number, operation: number): Code => [...lane(local, 0), ...lane(local, 1), operation, ...lane(local, 2), ...lane(local, 3), operation, operation];

const ENDS: Code = [...get(LOW), ...get(VALUE), ...LEAST, ...set(LOW), ...get(HIGH), ...get(VALUE), ...MOST, ...set(HIGH)];

/** Plane by plane: comparing passes over NaN, of which the sum tells. */
const SUMMARIZE: Code = [
  ...constant(RESULTS), ...set(OUT),
  ...repeat([
    ...lanes(INFINITY), ...set(LOW), ...lanes(MINUS_INFINITY), ...set(HIGH), ...lanes(0), ...set(SUM), ...lanes(0), ...set(UPPER_SUM),
    ...get(AT), ...get(INNER), OP['i32.add'], ...set(END),
    ...get(AT), ...get(INNER), ...constant(-16), OP['i32.and'], OP['i32.add'], ...set(WHOLE),
    ...when(isBelow(AT, WHOLE), repeat([
      ...get(AT), ...simd(SIMD['v128.load'], ...place(0, 2)), ...set(VALUE), ...ENDS,
      ...get(SUM), ...get(VALUE), ...TO_DOUBLES, ...ADD_DOUBLES, ...set(SUM),
      ...get(UPPER_SUM), ...get(VALUE), ...get(VALUE), ...UPPER, ...TO_DOUBLES, ...ADD_DOUBLES, ...set(UPPER_SUM),
      ...add(AT, constant(16)),
    ], isBelow(AT, WHOLE))),
    ...when(isBelow(AT, END), repeat([
      ...splatted(AT), ...set(VALUE), ...ENDS,
      ...get(SUM), ...alone(AT), ...TO_DOUBLES, ...ADD_DOUBLES, ...set(SUM),
      ...add(AT, constant(4)),
    ], isBelow(AT, END))),
    ...get(OUT), ...across(LOW, OP['f32.min']), OP['f32.store'], ...place(0, 2),
    ...get(OUT), ...across(HIGH, OP['f32.max']), OP['f32.store'], ...place(4, 2),
    ...get(SUM), ...get(UPPER_SUM), ...ADD_DOUBLES, ...set(SUM),
    ...get(OUT), ...get(SUM), ...simd(SIMD['f64x2.extract_lane'], 0), ...get(SUM), ...simd(SIMD['f64x2.extract_lane'], 1), OP['f64.add'], OP['f64.store'], ...place(8, 3),
    ...add(OUT, constant(16)),
    ...add(COUNT, constant(-1)),
  ], get(COUNT)),
];

/** Adding it leaves an integer of up to 22 bits in the lowest bits of a float32. */
const MAGIC = 0x4b400000;
const [STRIDE, INVERSE, TURNS, FACTOR, CELLS, CELL] = [1, 2, 3, 4, 5, 6];
const later = (strides: number): Code => [...get(AT), ...get(STRIDE), ...constant(strides), OP['i32.mul'], OP['i32.add']];
const loadLane = (index: number): Code => simd(SIMD['v128.load32_lane'], ...place(0, 2), index);
const tallyLane = (index: number): Code => [
  ...get(CELLS), ...simd(SIMD['i32x4.extract_lane'], index), ...set(CELL),
  ...get(CELL), ...get(CELL), OP['i32.load'], ...place((index % 2) * TABLE_BYTES, 2), ...constant(1), OP['i32.add'], OP['i32.store'], ...place((index % 2) * TABLE_BYTES, 2),
];

const TALLY: Code = [
  ...get(INVERSE), ...simd(SIMD['f32x4.splat']), ...set(FACTOR),
  ...repeat([
    ...later(3), ...later(2), ...later(1), ...alone(AT), ...loadLane(1), ...loadLane(2), ...loadLane(3),
    ...get(FACTOR), ...simd(SIMD['f32x4.mul']), ...simd(SIMD['f32x4.floor']), ...lanes(MAGIC), ...simd(SIMD['f32x4.add']),
    // Four bytes a bin.
    ...constant(2), ...simd(SIMD['i32x4.shl']), ...lanes(4 * SIDE - (MAGIC << 2)), ...simd(SIMD['i32x4.add']), ...set(CELLS),
    ...[0, 1, 2, 3].flatMap(tallyLane),
    ...get(AT), ...get(STRIDE), ...constant(4), OP['i32.mul'], OP['i32.add'], ...set(AT),
    ...add(TURNS, constant(-1)),
  ], get(TURNS)),
];
