import { setTensor, tensorOf, type Model, type NodeProto, type Tensor } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { arrayTensor, readPayload } from '../../packages/unplugin-quantize/src/onnx/index.ts';

/**
 * Multiplies each channel between two convolutions by a number of its own, and divides the weights that read it: what the network computes
 * stays the same but for rounding. Weights have to be initializers of the main graph; a Relu may be in between.
 *
 * @param factor called for each channel
 * @returns the number of activations whose channels were rescaled
 */
export function rescaleChannels(model: Model, factor: () => number): number {
  const graph = model.proto.graph!;
  const initializers = new Map(graph.initializer.map((proto) => [proto.name, proto]));
  const readers = (name: string): NodeProto[] => graph.node.filter((node) => node.input.includes(name));
  const scale = (name: string, factorOf: (index: number, tensor: Tensor) => number): void => {
    const proto = initializers.get(name)!;
    const tensor = tensorOf(model, proto);
    const values = new Float32Array(readPayload(tensor).buffer);
    setTensor(model, proto, arrayTensor('float32', tensor.dims, values.map((value, i) => value * factorOf(i, tensor))));
  };
  let rescaled = 0;
  for (const node of graph.node) {
    if (node.opType !== 'Conv') continue;
    let [next, ...others] = readers(node.output[0]!);
    if (next?.opType === 'Relu' && others.length === 0) [next, ...others] = readers(next.output[0]!);
    if (next?.opType !== 'Conv' || others.length > 0) continue;
    const channels = Number(initializers.get(node.input[1]!)!.dims[0]);
    const factors = Float32Array.from({ length: channels }, factor);
    for (const name of node.input.slice(1)) scale(name, (i, { dims }) => factors[Math.floor(i / dims.slice(1).reduce((a, b) => a * b, 1))]!);
    scale(next.input[1]!, (i, { dims: [, inner = 1, ...kernel] }) => {
      const pair = Math.floor(i / kernel.reduce((a, b) => a * b, 1));
      return 1 / factors[inner === 1 ? Math.floor(pair / inner) : pair % inner]!;
    });
    rescaled++;
  }
  return rescaled;
}
