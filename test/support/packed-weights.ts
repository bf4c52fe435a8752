import type { Feeds as SampleFeeds, TensorData } from '../../packages/unplugin-quantize/src/calibrate/index.ts';
import { findEngines } from '../../packages/unplugin-quantize/src/evaluate/index.ts';
import { intAttribute, scopesOf } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { arrayTensor, setTensor, type Model, type NodeProto } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { numbersOf, type Quantized } from './quantize-model.ts';
import { bytesOf, reread, runModel, type Feeds } from './run-model.ts';

/** The source with the weights that the packed bytes stand for, unpacked here by their definition. */
export function storedAsFloats(source: Model, { model: artefact }: Quantized): Uint8Array {
  const changed = reread(source);
  const packed = new Set(scopesOf(artefact).flatMap(({ graph }) => graph.initializer.map(({ name }) => name)));
  for (const { graph } of scopesOf(changed)) {
    for (const proto of graph.initializer) {
      if (!packed.has(`${proto.name}_q`)) continue;
      const dims = proto.dims.map(Number) as [number, number];
      setTensor(changed, proto, arrayTensor('float32', dims, unpack(artefact, proto.name, dims, graph.node)));
    }
  }
  return bytesOf(changed);
}

function unpack(artefact: Model, name: string, [rows, columns]: [number, number], readers: NodeProto[]): Float32Array {
  const node = scopesOf(artefact).flatMap(({ graph }) => graph.node).find(({ input }) => input.includes(`${name}_q`) && !input.includes(`${name}_q_n`))!;
  const [bits, size] = [intAttribute(node, 'bits', 4), intAttribute(node, 'block_size', 0)];
  const elements = scopedNumbers(artefact, name);
  const transposed = readers.some((reader) => reader.opType === 'Gemm' && reader.input[1] === name && intAttribute(reader, 'transB', 0) === 1);
  const byRows = node.opType === 'GatherBlockQuantized' || transposed;
  const [N, K] = byRows ? [rows, columns] : [columns, rows];
  const blocks = Math.ceil(K / size);
  const zeroPoint = (n: number, block: number): number => {
    if (elements.z === undefined) return 2 ** (bits - 1);
    const byte = elements.z[n * Math.ceil((blocks * bits) / 8) + Math.floor((block * bits) / 8)]!;
    return bits === 8 ? byte : block % 2 === 0 ? byte & 15 : byte >> 4;
  };
  const value = (n: number, k: number): number => {
    const block = Math.floor(k / size);
    const place = k % size;
    const byte = elements.q[(n * blocks + block) * ((size * bits) / 8) + Math.floor((place * bits) / 8)]!;
    const level = bits === 8 ? byte : place % 2 === 0 ? byte & 15 : byte >> 4;
    return elements.s[n * blocks + block]! * (level - zeroPoint(n, block));
  };
  return Float32Array.from({ length: N * K }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    return byRows ? value(row, column) : value(column, row);
  });
}

function scopedNumbers(artefact: Model, name: string): { q: number[]; s: number[]; z: number[] | undefined } {
  const has = (suffix: string): boolean => artefact.proto.graph!.initializer.some((proto) => proto.name === `${name}_${suffix}`);
  if (has('q')) return { q: numbersOf(artefact, `${name}_q`), s: numbersOf(artefact, `${name}_s`), z: has('z') ? numbersOf(artefact, `${name}_z`) : undefined };
  // A weight of a branch: its graph is looked at as if it were the main one.
  const inner = scopesOf(artefact).find(({ graph }) => graph.initializer.some((proto) => proto.name === `${name}_q`))!;
  return scopedNumbers({ ...artefact, proto: { ...artefact.proto, graph: inner.graph } }, name);
}

/** The first output of a model in every engine, and in onnxruntime-node without optimizations. */
export async function outputsOf(bytes: Uint8Array, feeds: Feeds): Promise<number[][]> {
  const samples: SampleFeeds = Object.fromEntries(Object.entries(feeds).map(([name, { type, dims, data }]) => [name, { dtype: type, dims: [...dims], data: data as TensorData }]));
  const plain = Object.values(await runModel(bytes, feeds))[0]!.data as Float32Array;
  const results = [[...plain]];
  const { engines } = await findEngines();
  for (const engine of engines) {
    const running = await engine.open(bytes);
    const [output] = Object.values(await running.run(samples));
    results.push([...(output!.data as Float32Array)]);
    await running.close();
  }
  return results;
}
