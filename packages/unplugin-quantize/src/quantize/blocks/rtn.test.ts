import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { arrayTensor, float16Bits, readPayload } from '../../onnx/index.ts';
import { blockTensors } from './block-tensor.ts';
import type { BlockCode, BlockType } from './block-code.ts';
import type { Packing } from './layout.ts';
import { quantizeBlocks } from './quantize-blocks.ts';
import { rtnQuantizer } from './rtn.ts';

interface Reference {
  name: string;
  dims: [rows: number, columns: number];
  size: number;
  weight: string;
  rtn: (BlockType & { packed: string; scales: string; zeroPoints: string })[];
}

const references: Reference[] = JSON.parse(readFileSync(new URL('../../../../../test/reference/quantize/blocks.json', import.meta.url), 'utf8'));
const cases = references.flatMap((reference) => reference.rtn.map((expected) => [`${reference.name}, ${expected.bits} bits, ${expected.symmetric ? 'symmetric' : 'zero points'}`, reference, expected] as const));

describe("onnxruntime's MatMulNBits quantizer computes the same", () => {
  it.each(cases)('scales of %s', (_, { dims: [rows, columns], size, weight }, expected) => {
    const values = floatsOf(weight);
    const quantize = rtnQuantizer(expected);
    const code: BlockCode = { scale: 0, zeroPoint: 0 };
    const found = Array.from({ length: columns }, (_, column) => Array.from({ length: Math.ceil(rows / size) }, (_, index) => {
      const block = Float64Array.from({ length: Math.min(size, rows - index * size) }, (_, i) => values[(index * size + i) * columns + column]!);
      quantize(block, new Uint8Array(size), code);
      return code.scale;
    }));
    // Zero is zero with either sign.
    expect(found.flat().map((scale) => scale + 0)).toEqual([...floatsOf(expected.scales)].map((scale) => scale + 0));
  });

  it.each(cases)('bytes and zero points of %s', (_, { dims, size, weight }, { packed, zeroPoints, scales, ...type }) => {
    const [rows, columns] = dims;
    const blocks = Math.ceil(rows / size);
    const bytes = (size * type.bits) / 8;
    const layout = { outer: 1, length: rows, inner: columns, size, ...type };
    const packing: Packing = {
      byteLength: columns * blocks * bytes,
      put: (target, levels, _, index, column) => {
        const step = 8 / type.bits;
        for (let i = 0; i < bytes; i++) target[(column * blocks + index) * bytes + i] = step === 1 ? levels[i]! : levels[2 * i]! + 16 * levels[2 * i + 1]!;
      },
      scaleAt: (_, index, column) => column * blocks + index,
    };
    const data = blockTensors(layout, packing, () => quantizeBlocks(arrayTensor('float32', dims, floatsOf(weight)), layout, packing, rtnQuantizer(type), 'w'));
    expect(hex(meaningful(readPayload(data.packed([columns, blocks, bytes])), dims, size, type.bits))).toBe(hex(meaningful(bytesOf(packed), dims, size, type.bits)));
    expect([...new Uint16Array(readPayload(data.scales([columns, blocks])).buffer)].map(unsignedZero)).toEqual([...floatsOf(scales)].map(float16Bits).map(unsignedZero));
    const foundZeroPoints = type.symmetric ? new Uint8Array(0) : readPayload(data.zeroPoints(columns));
    expect(hex(evenBlocks(foundZeroPoints, blocks, type.bits))).toBe(hex(evenBlocks(bytesOf(zeroPoints), blocks, type.bits)));
  });

  it('in cases of every kind', () => {
    expect(cases).toHaveLength(32);
  });
});

/** Levels behind the last row mean nothing; onnxruntime leaves them 0 where a whole byte is behind it. */
function meaningful(packed: Uint8Array, [rows, columns]: readonly [number, number], size: number, bits: number): Uint8Array {
  const rowBytes = Math.ceil(rows / size) * ((size * bits) / 8);
  return packed.map((byte, i) => (i % rowBytes < (rows * bits) / 8 && i < columns * rowBytes ? byte : 0));
}

/** The upper half of the last byte of a row means nothing where the blocks are odd. */
function evenBlocks(zeroPoints: Uint8Array, blocks: number, bits: number): Uint8Array {
  const rowBytes = Math.ceil((blocks * bits) / 8);
  return bits === 4 && blocks % 2 === 1 ? zeroPoints.map((byte, i) => (i % rowBytes === rowBytes - 1 ? byte & 15 : byte)) : zeroPoints;
}

function unsignedZero(bits: number): number {
  return bits === 0x8000 ? 0 : bits;
}

function floatsOf(text: string): Float32Array {
  return new Float32Array(bytesOf(text).buffer);
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(text, 'base64'));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
