import { QuantizeError } from '../errors.ts';
import { ARRAY_OF, sizeOf, type FedType, type SampleTensor } from './tensor.ts';

/** numpy's type letters and sizes, without the byte order. */
const TYPES: Record<string, FedType> = {
  f2: 'float16',
  f4: 'float32',
  f8: 'float64',
  i1: 'int8',
  i2: 'int16',
  i4: 'int32',
  i8: 'int64',
  u1: 'uint8',
  u2: 'uint16',
  u4: 'uint32',
  u8: 'uint64',
  b1: 'bool',
};

interface Header {
  descr: string;
  fortranOrder: boolean;
  dims: number[];
  dataOffset: number;
}

/**
 * Reads one array in numpy's .npy format (versions 1 to 3; numpy.lib.format). Big-endian and Fortran-ordered arrays are
 * turned into little-endian row-major ones.
 *
 * @throws QuantizeError SAMPLES_INVALID for a file that is not .npy, is cut off, or holds objects, structures or text
 */
export function parseNpy(bytes: Uint8Array, name: string): SampleTensor {
  const header = readHeader(bytes, name);
  const dtype = TYPES[header.descr.slice(1)];
  if (dtype === undefined) {
    throw invalid(name, `has numpy type ${header.descr}, which cannot be fed to a model.`, 'Save it with .astype() of the input\'s type, such as numpy.float32.');
  }
  const elementBytes = ARRAY_OF[dtype].BYTES_PER_ELEMENT;
  const elements = sizeOf(header.dims);
  const found = bytes.byteLength - header.dataOffset;
  if (found !== elements * elementBytes) {
    throw invalid(name, `should hold ${elements * elementBytes} bytes of elements, but ${found} are there.`, 'The file is cut off or damaged: write it again.');
  }
  // A copy, because elements must start at a multiple of their size; slice() of Node's Buffer would not copy.
  const raw = new Uint8Array(bytes.subarray(header.dataOffset));
  if (header.descr.startsWith('>')) swapBytes(raw, elementBytes);
  const rowMajor = header.fortranOrder ? toRowMajor(raw, header.dims, elementBytes) : raw;
  return { dtype, dims: header.dims, data: new ARRAY_OF[dtype](rowMajor.buffer) };
}

/** The header is a Python dict literal, written by numpy with exactly these three keys. */
function readHeader(bytes: Uint8Array, name: string): Header {
  const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
  if (bytes.byteLength < 10 || magic.some((byte, i) => bytes[i] !== byte)) {
    throw invalid(name, 'is not in .npy format.', 'Write it with numpy.save, or numpy.savez for several inputs.');
  }
  const wide = bytes[6]! >= 2;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = wide ? 12 : 10;
  const dataOffset = start + (wide && bytes.byteLength >= 12 ? view.getUint32(8, true) : view.getUint16(8, true));
  const text = new TextDecoder().decode(bytes.subarray(start, dataOffset));
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  if (descr === undefined || order === undefined || shape === undefined) {
    throw invalid(name, 'has a header that is not of one plain array.', 'Structured and object arrays cannot be fed: save one plain array for each input.');
  }
  const dims = shape.split(',').map((part) => part.trim()).filter((part) => part !== '').map(Number);
  return { descr, fortranOrder: order === 'True', dims, dataOffset };
}

function swapBytes(bytes: Uint8Array, width: number): void {
  for (let at = 0; at < bytes.byteLength; at += width) bytes.subarray(at, at + width).reverse();
}

/** Reorders elements whose first index runs fastest into elements whose last index runs fastest. */
function toRowMajor(bytes: Uint8Array, dims: readonly number[], width: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes.byteLength);
  const index = dims.map(() => 0);
  for (let at = 0; at < bytes.byteLength; at += width) {
    let target = 0;
    for (const [axis, dim] of dims.entries()) target = target * dim + index[axis]!;
    for (let byte = 0; byte < width; byte++) out[target * width + byte] = bytes[at + byte]!;
    for (let axis = 0; axis < dims.length && ++index[axis]! === dims[axis]; axis++) index[axis] = 0;
  }
  return out;
}

function invalid(name: string, what: string, hint: string): QuantizeError {
  return new QuantizeError('SAMPLES_INVALID', `The array ${name} ${what}`, { hint });
}
