import { concatBytes, field, message, modelBytes, packed, text, varint } from '../support/wire-format.ts';

/** A file that somebody wrote to do harm: small on the disk, without measure in what it asks of a reader. */
export interface HostileModel {
  /** Code of the refusal, or null where the model is only odd and may become an artefact. */
  code: string | null;
  bytes(): Uint8Array;
}

const FLOAT32 = 1;
const input = field(11, 2, message(text(1, 'x')));
const output = (name: string): Uint8Array => field(12, 2, message(text(1, name)));
const node = (op: string, inputs: readonly string[], outputs: readonly string[], ...more: Uint8Array[]): Uint8Array =>
  field(1, 2, message(...inputs.map((name) => text(1, name)), ...outputs.map((name) => text(2, name)), text(4, op), ...more));
const dims = (...values: (number | bigint)[]): Uint8Array => packed(1, values.map(varint));
const type = (dtype: number): Uint8Array => field(2, 0, varint(dtype));
const tensor = (...fields: Uint8Array[]): Uint8Array => field(5, 2, message(...fields));
const weight = (name: string, ...fields: Uint8Array[]): Uint8Array => tensor(...fields, text(8, name));
const relu = node('Relu', ['x'], ['y']);
const sound = [relu, input, output('y')];
const zeros = (count: number): Uint8Array => field(9, 2, message(new Uint8Array(count)));
const repeated = (piece: Uint8Array, times: number): Uint8Array => {
  const bytes = new Uint8Array(piece.length * times);
  for (let i = 0; i < times; i++) bytes.set(piece, i * piece.length);
  return bytes;
};
const local = (name: string, ...nodes: Uint8Array[]): Uint8Array => field(25, 2, message(
  text(1, name), text(4, 'a'), text(5, 'b'), ...nodes.map((bytes) => field(7, 2, bytes.slice(1))), text(10, 'local'), field(9, 2, message(text(1, ''), field(2, 0, varint(17)))),
));
const call = (name: string, from: string, to: string): Uint8Array => node(name, [from], [to], text(7, 'local'));
const withFunctions = (graph: Uint8Array[], functions: readonly Uint8Array[]): Uint8Array => concatBytes([modelBytes(...graph), field(8, 2, message(text(1, 'local'), field(2, 0, varint(1)))), ...functions]);

/** Subgraphs in subgraphs, from the inside out. */
function nested(depth: number): Uint8Array {
  let graph: Uint8Array = new Uint8Array();
  const prefixes: Uint8Array[] = [];
  for (let i = 0, length = 0; i < depth; i++) {
    for (const no of [6, 5, 1]) {
      const prefix = concatBytes([varint(no * 8 + 2), varint(length)]);
      prefixes.push(prefix);
      length += prefix.length;
    }
  }
  graph = concatBytes(prefixes.reverse());
  return graph;
}

export const HOSTILE: Record<string, HostileModel> = {
  'a length beyond the file': { code: 'MODEL_TRUNCATED', bytes: () => concatBytes([field(7, 0, varint(2 ** 40)), new Uint8Array([58, 0xff, 0xff, 0xff, 0xff, 0x7f])]) },
  'a length of 2^64 - 1': { code: 'MODEL_TRUNCATED', bytes: () => concatBytes([varint(7 * 8 + 2), varint(2n ** 64n - 1n), new Uint8Array(100)]) },
  'subgraphs nested 200,000 deep': { code: 'MODEL_INVALID', bytes: () => modelBytes(...sound, nested(200_000)) },
  'types nested 500,000 deep': {
    code: 'MODEL_NOT_ONNX',
    bytes: () => {
      // value_info.type.optional_type.elem_type.optional_type...
      const prefixes: Uint8Array[] = [];
      for (let i = 0, length = 0; i < 1_000_000; i++) {
        const prefix = concatBytes([varint((i % 2 === 0 ? 1 : 9) * 8 + 2), varint(length)]);
        prefixes.push(prefix);
        length += prefix.length;
      }
      const nest = concatBytes(prefixes.reverse());
      return modelBytes(...sound, field(13, 2, message(text(1, 'x'), field(2, 2, message(nest)))));
    },
  },
  'groups of protobuf nested without end': { code: 'MODEL_NOT_ONNX', bytes: () => modelBytes(...sound, new Uint8Array(1 << 20).fill(0x0b)) },
  'six hundred thousand nodes': { code: 'MODEL_TOO_LARGE', bytes: () => modelBytes(repeated(node('Relu', ['x'], ['y']), 600_000), input, output('y')) },
  'six million empty nodes': { code: 'MODEL_TOO_LARGE', bytes: () => modelBytes(...sound, repeated(new Uint8Array([0x0a, 0]), 6_000_000)) },
  'a node of six million inputs': { code: 'MODEL_TOO_LARGE', bytes: () => modelBytes(...sound, field(1, 2, message(text(4, 'Sum'), text(2, 'z'), repeated(new Uint8Array([0x0a, 0]), 6_000_000)))) },
  'six hundred thousand tensors': { code: 'MODEL_TOO_LARGE', bytes: () => modelBytes(...sound, repeated(new Uint8Array([0x2a, 2, 0x10, 1]), 600_000)) },
  'six hundred thousand tensors with forged indices': { code: 'MODEL_TOO_LARGE', bytes: () => modelBytes(...sound, repeated(tensor(field(536_870_911, 0, varint(1))), 600_000)) },
  'a shape of six million dims': { code: 'MODEL_TOO_LARGE', bytes: () => modelBytes(...sound, weight('w', packed(1, [new Uint8Array(6_000_000)]), type(FLOAT32))) },
  'an attribute of six million integers': { code: 'MODEL_TOO_LARGE', bytes: () => modelBytes(node('Relu', ['x'], ['y'], field(5, 2, message(text(1, 'a'), packed(8, [new Uint8Array(6_000_000)])))), input, output('y')) },
  'a type of six million dims': {
    code: 'MODEL_TOO_LARGE',
    bytes: () => modelBytes(relu, output('y'), field(11, 2, message(text(1, 'x'), field(2, 2, message(field(1, 2, message(field(1, 0, varint(1)), field(2, 2, message(repeated(new Uint8Array([0x0a, 0]), 6_000_000)))))))))),
  },
  'a node that reads itself': { code: 'MODEL_INVALID', bytes: () => modelBytes(node('Relu', ['y'], ['y']), input, output('y')) },
  'a cycle of nodes': { code: 'MODEL_INVALID', bytes: () => modelBytes(node('Add', ['x', 'b'], ['a']), node('Relu', ['a'], ['b']), input, output('b')) },
  'a name that is defined twice': { code: 'MODEL_INVALID', bytes: () => modelBytes(relu, relu, input, output('y')) },
  'an initializer that is there twice': { code: 'MODEL_INVALID', bytes: () => modelBytes(...sound, weight('w', dims(4), type(FLOAT32), zeros(16)), weight('w', dims(4), type(FLOAT32), zeros(16))) },
  'an input that nothing defines': { code: 'MODEL_INVALID', bytes: () => modelBytes(node('Add', ['x', 'ghost'], ['y']), input, output('y')) },
  'an output that nothing computes': { code: 'MODEL_INVALID', bytes: () => modelBytes(relu, input, output('ghost')) },
  'dims whose product overflows 2^53': { code: 'MODEL_INVALID', bytes: () => modelBytes(...sound, weight('w', dims(2 ** 31, 2 ** 31, 2 ** 31), type(FLOAT32), zeros(2000))) },
  'dims whose product overflows to 0': { code: 'MODEL_INVALID', bytes: () => modelBytes(...sound, weight('w', dims(2n ** 32n, 2n ** 32n), type(FLOAT32))) },
  'negative dims whose product is right': { code: 'MODEL_INVALID', bytes: () => modelBytes(...sound, weight('w', dims(-25n, -20n), type(FLOAT32), zeros(2000))) },
  'a tensor that claims terabytes': { code: 'MODEL_INVALID', bytes: () => modelBytes(node('MatMul', ['x', 'w'], ['y']), input, output('y'), weight('w', dims(2 ** 20, 2 ** 20), type(FLOAT32), zeros(2000))) },
  'a small tensor that claims terabytes': { code: 'MODEL_INVALID', bytes: () => modelBytes(node('MatMul', ['x', 'w'], ['y']), input, output('y'), weight('w', dims(2 ** 20, 2 ** 20), type(FLOAT32))) },
  'a tensor of listed values that claims terabytes': {
    code: 'MODEL_INVALID', bytes: () => modelBytes(node('MatMul', ['x', 'w'], ['y']), input, output('y'), weight('w', dims(2 ** 20, 2 ** 20), type(FLOAT32), packed(4, [new Uint8Array(2000)]))),
  },
  'a sparse tensor of terabytes': {
    code: null,
    bytes: () => modelBytes(node('MatMul', ['x', 'w'], ['y']), input, output('y'), field(15, 2, message(
      field(1, 2, message(dims(1), type(FLOAT32), text(8, 'w'), zeros(4))), field(2, 2, message(dims(1), type(7), zeros(8))), dims(2 ** 20, 2 ** 20),
    ))),
  },
  'constants that double forty times': {
    code: null,
    bytes: () => modelBytes(
      ...Array.from({ length: 40 }, (_, i) => node('Concat', [`w${i}`, `w${i}`], [`w${i + 1}`], field(5, 2, message(text(1, 'axis'), field(3, 0, varint(0)), field(20, 0, varint(2)))))),
      node('Gather', ['w40', 'x'], ['y']), input, output('y'), weight('w0', dims(1024), type(FLOAT32), zeros(4096)),
    ),
  },
  'a constant filled by a shape of terabytes': {
    code: null,
    bytes: () => modelBytes(node('ConstantOfShape', ['s'], ['w']), node('MatMul', ['x', 'w'], ['y']), input, output('y'), weight('s', dims(2), type(7), field(9, 2, message(new Uint8Array(new BigInt64Array([2n ** 20n, 2n ** 20n]).buffer))))),
  },
  'functions that call others twice, forty deep': {
    code: 'MODEL_TOO_LARGE',
    bytes: () => withFunctions([call('f0', 'x', 'y'), input, output('y')], Array.from({ length: 40 }, (_, i) =>
      local(`f${i}`, ...(i === 39 ? [node('Relu', ['a'], ['b'])] : [call(`f${i + 1}`, 'a', 'c'), call(`f${i + 1}`, 'c', 'b')])))),
  },
  'a chain of 9,000 functions': {
    code: 'MODEL_INVALID',
    bytes: () => withFunctions([call('f0', 'x', 'y'), input, output('y')], Array.from({ length: 9_000 }, (_, i) => local(`f${i}`, i === 8_999 ? node('Relu', ['a'], ['b']) : call(`f${i + 1}`, 'a', 'b')))),
  },
  'a function that calls itself': { code: 'MODEL_INVALID', bytes: () => withFunctions([call('f', 'x', 'y'), input, output('y')], [local('f', call('f', 'a', 'b'))]) },
  'names of a megabyte': {
    code: 'MODEL_TOO_LARGE',
    bytes: () => {
      const name = 'n'.repeat(1 << 20);
      return modelBytes(node('Relu', ['x'], [name]), node('Relu', [name], ['y']), input, output('y'));
    },
  },
  'a call whose long name would be in ten thousand others': {
    code: null,
    bytes: () => withFunctions(
      [node('f', ['x'], ['y'], text(3, 'l'.repeat(9_999)), text(7, 'local')), input, output('y')],
      [local('f', ...Array.from({ length: 10_000 }, (_, i) => node('Relu', [i === 0 ? 'a' : `v${i}`], [i === 9_999 ? 'b' : `v${i + 1}`])))],
    ),
  },
  'text that is no UTF-8': { code: null, bytes: () => modelBytes(field(1, 2, message(text(1, 'x'), text(2, 'y'), field(3, 2, message(new Uint8Array([0xff, 0xfe, 0xc0, 0x80]))), text(4, 'Relu'))), input, output('y')) },
  'names of JavaScript': {
    code: null,
    bytes: () => modelBytes(node('Relu', ['__proto__'], ['constructor']), node('toString', ['constructor'], ['y']), field(11, 2, message(text(1, '__proto__'))), output('y')),
  },
};
