import { makeNode } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { buildBytes, floats, ints, ramp } from './build-model.ts';

/** Small models, one for each kind of samples. */
export const sampleModels: Record<'images' | 'text' | 'audio' | 'sound' | 'arrays', () => Uint8Array> = {
  images: () => buildBytes({
    inputs: { image: 'float32[batch,3,8,8]' },
    outputs: { scores: 'float32[batch,32]' },
    nodes: [makeNode('Conv', ['image', 'w'], ['y'], {}), makeNode('ReduceMean', ['y'], ['scores'], { axes: [2, 3], keepdims: 0n })],
    initializers: { w: ramp([32, 3, 3, 3]) },
  }),
  text: () => buildBytes({
    inputs: { input_ids: 'int64[batch,sequence]', attention_mask: 'int64[batch,sequence]' },
    outputs: { sums: 'float32[batch,1,16]' },
    nodes: [
      makeNode('Gather', ['table', 'input_ids'], ['words'], {}),
      makeNode('Cast', ['attention_mask'], ['mask'], { to: 1n }),
      makeNode('Unsqueeze', ['mask', 'middle'], ['row'], {}),
      makeNode('MatMul', ['row', 'words'], ['summed'], {}),
      makeNode('MatMul', ['summed', 'w'], ['sums'], {}),
    ],
    initializers: { table: ramp([400, 16]), middle: ints([1], [1]), w: ramp([16, 16]) },
  }),
  audio: () => buildBytes({
    inputs: { sound: 'float32[batch,256]', gain: 'float32[]' },
    outputs: { bands: 'float32[batch,24]' },
    nodes: [makeNode('MatMul', ['sound', 'w'], ['y'], {}), makeNode('Mul', ['y', 'gain'], ['bands'], {})],
    initializers: { w: ramp([256, 24]) },
  }),
  sound: () => buildBytes({ inputs: { sound: 'float32[256]' }, outputs: { bands: 'float32[24]' }, nodes: [makeNode('MatMul', ['sound', 'w'], ['bands'], {})], initializers: { w: ramp([256, 24]) } }),
  arrays: () => buildBytes({
    inputs: { x: 'float32[rows,64]' },
    outputs: { y: 'float32[rows,64]' },
    nodes: [makeNode('MatMul', ['x', 'w'], ['z'], {}), makeNode('Add', ['z', 'b'], ['y'], {})],
    initializers: { w: ramp([64, 64]), b: floats([64], Array.from({ length: 64 }, (_, i) => i)) },
  }),
};

/** A .wav file of one channel and 16 bits. */
export function wavFile(sound: Int16Array, rate: number): Uint8Array {
  const bytes = Buffer.alloc(44 + sound.byteLength);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(36 + sound.byteLength, 4);
  bytes.write('WAVEfmt ', 8);
  for (const [at, value] of [[16, 16], [24, rate], [28, rate * 2], [40, sound.byteLength]] as const) bytes.writeUInt32LE(value, at);
  for (const [at, value] of [[20, 1], [22, 1], [32, 2], [34, 16]] as const) bytes.writeUInt16LE(value, at);
  bytes.write('data', 36);
  Buffer.from(sound.buffer, sound.byteOffset, sound.byteLength).copy(bytes, 44);
  return bytes;
}
