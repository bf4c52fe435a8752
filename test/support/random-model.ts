import * as fc from 'fast-check';
import { concatBytes, field, fixed32, message, modelBytes, packed, text, varint } from './wire-format.ts';

/**
 * Serialized models at random: initializers and attributes with small and large tensors in every encoding, subgraphs, functions,
 * sparse tensors, unknown fields. Structure is valid protobuf in the order of field numbers; the graphs need not make sense.
 */

/** Fields that the standard does not have, above all numbers that it uses: (field number, wire type, content). */
const unknownFields: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(new Uint8Array(0)) },
  { weight: 1, arbitrary: fc.tuple(fc.integer({ min: 100, max: 5000 }), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })).map(([no, value]) => field(no, 0, varint(value))) },
  { weight: 1, arbitrary: fc.tuple(fc.integer({ min: 100, max: 5000 }), fc.uint8Array({ maxLength: 2000 })).map(([no, content]) => field(no, 2, message(content))) },
  { weight: 1, arbitrary: fc.integer({ min: 100, max: 5000 }).map((no) => field(no, 5, Uint8Array.of(1, 2, 3, 4))) },
);

const count = fc.oneof({ weight: 3, arbitrary: fc.nat(8) }, { weight: 1, arbitrary: fc.integer({ min: 200, max: 1500 }) });

/** The fields of a TensorProto that hold elements; empty, inline or large enough to be lifted out. */
const elements: fc.Arbitrary<{ type: number; before: Uint8Array; after: Uint8Array }> = fc.tuple(count, fc.nat(5)).map(([n, kind]) => {
  const none = new Uint8Array(0);
  const list = Array.from({ length: n }, (_, i) => i * 77 - 200);
  if (n === 0) return { type: 1, before: none, after: none };
  switch (kind) {
    case 0:
      return { type: 1, before: packed(4, list.map(fixed32)), after: none };
    case 1:
      return { type: 10, before: packed(5, list.map((value) => varint(Math.abs(value)))), after: none };
    case 2:
      return { type: 7, before: packed(7, list.map((value) => varint(value))), after: none };
    case 3:
      return { type: 13, before: none, after: packed(11, list.map((value) => varint(Math.abs(value)))) };
    case 4:
      return { type: 8, before: concatBytes(list.map((value) => text(6, `s${value}`))), after: none };
    default:
      return { type: 2, before: none, after: field(9, 2, message(Uint8Array.from(list))) };
  }
});

const tensor: fc.Arbitrary<Uint8Array> = fc.tuple(elements, fc.nat(1000), unknownFields).map(([{ type, before, after }, dim, unknown]) => {
  const name = text(8, `t${dim}`);
  return concatBytes([field(1, 0, varint(dim)), field(2, 0, varint(type)), before, name, after, unknown]);
});

const sparse = fc.tuple(tensor, tensor).map(([values, indices]) => concatBytes([field(1, 2, message(values)), field(2, 2, message(indices)), field(3, 0, varint(5))]));

function attribute(depth: number): fc.Arbitrary<Uint8Array> {
  const graphs = depth > 0 ? graph(depth - 1).map((inner) => field(6, 2, message(inner))) : fc.constant(new Uint8Array(0));
  const value = fc.oneof(
    tensor.map((content) => field(5, 2, message(content))),
    graphs,
    fc.array(tensor, { maxLength: 2 }).map((tensors) => concatBytes(tensors.map((content) => field(10, 2, message(content))))),
    sparse.map((content) => field(22, 2, message(content))),
    fc.uint8Array({ maxLength: 1500 }).map((content) => field(4, 2, message(content))),
  );
  return fc.tuple(value, unknownFields).map(([content, unknown]) => concatBytes([text(1, 'a'), content, unknown]));
}

function node(depth: number): fc.Arbitrary<Uint8Array> {
  return fc.tuple(fc.array(attribute(depth), { maxLength: 2 }), unknownFields).map(([attributes, unknown]) => concatBytes(
    [text(1, 'in'), text(2, 'out'), text(4, 'Op'), ...attributes.map((content) => field(5, 2, message(content))), unknown],
  ));
}

function graph(depth: number): fc.Arbitrary<Uint8Array> {
  return fc.tuple(fc.array(node(depth), { maxLength: 3 }), fc.array(tensor, { maxLength: 3 }), fc.array(sparse, { maxLength: 1 }), unknownFields)
    .map(([nodes, tensors, sparses, unknown]) => concatBytes([
      ...nodes.map((content) => field(1, 2, message(content))), text(2, 'g'), ...tensors.map((content) => field(5, 2, message(content))),
      ...sparses.map((content) => field(15, 2, message(content))), unknown,
    ]));
}

const functions = fc.array(node(1), { maxLength: 2 }).map((nodes) => concatBytes([text(1, 'f'), ...nodes.map((content) => field(7, 2, message(content))), text(10, 'mine')]));

/** Bytes of a whole model. */
export const randomModel: fc.Arbitrary<Uint8Array> = fc.tuple(graph(3), fc.array(functions, { maxLength: 1 }), unknownFields)
  .map(([content, fns, unknown]) => concatBytes([modelBytes(content), ...fns.map((fn) => field(25, 2, message(fn))), unknown]));
