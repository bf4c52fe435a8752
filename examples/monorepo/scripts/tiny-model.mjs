const WIDTH = 32;
const FLOAT32 = 1;

/** The bytes of a ModelProto (onnx.proto): IR version 8, one graph with one product, operators of version 17; weights differ with the seed. */
export function tinyModel(seed) {
  const weights = Float32Array.from({ length: WIDTH * WIDTH }, (_, i) => Math.sin((i + 1) * (seed + 1)));
  const node = message(text(1, 'x'), text(1, 'w'), text(2, 'y'), text(4, 'MatMul'));
  const tensor = message(number(1, WIDTH), number(1, WIDTH), number(2, FLOAT32), text(8, 'w'), bytes(9, new Uint8Array(weights.buffer)));
  const graph = message(bytes(1, node), text(2, 'graph'), bytes(5, tensor), bytes(11, value('x')), bytes(12, value('y')));
  return message(number(1, 8), bytes(7, graph), bytes(8, message(number(2, 17))));
}

/** A ValueInfoProto of float32[1, WIDTH]. */
function value(name) {
  const shape = message(...[1, WIDTH].map((size) => bytes(1, message(number(1, size)))));
  return message(text(1, name), bytes(2, message(bytes(1, message(number(1, FLOAT32), bytes(2, shape))))));
}

function message(...fields) {
  return Uint8Array.from(fields.flat());
}

function number(field, value) {
  return [field << 3, ...varint(value)];
}

function text(field, value) {
  return bytes(field, Buffer.from(value));
}

function bytes(field, value) {
  return [(field << 3) | 2, ...varint(value.length), ...value];
}

function varint(value) {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)];
}
