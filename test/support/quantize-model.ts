import { float16ToFloat32, readPayload, tensorOf, type Model, type Payload, type TensorProto } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { bytesSource, readModel, type ExternalFiles } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { quantizeSource, type Observed, type QuantizedSource, type QuantizeOptions } from '../../packages/unplugin-quantize/src/quantize/index.ts';
import { MODEL_DEFAULTS } from '../../packages/unplugin-quantize/src/options.ts';
import { bytesOf } from './run-model.ts';

export interface Quantized extends QuantizedSource {
  bytes: Uint8Array;
  /** The artefact, read again. */
  model: Model;
}

/** Quantizes a model as a build does, but with the names kept unless asked otherwise, so that tests can find values. */
export function quantize(source: Model | Uint8Array, options: Partial<QuantizeOptions>, files?: ExternalFiles, observed?: Observed): Quantized {
  const bytes = source instanceof Uint8Array ? source : bytesOf(source);
  const result = quantizeSource(bytesSource(bytes, 'test model'), files, { ...MODEL_DEFAULTS, keepNames: true, ...options }, observed);
  const artefact = readPayload(result.stream);
  return { ...result, bytes: artefact, model: readModel(bytesSource(artefact, 'artefact')) };
}

/** Operators of the main graph, in order. */
export function opTypes(model: Model): string[] {
  return model.proto.graph!.node.map((node) => node.opType);
}

/** An initializer of the main graph by its name. */
export function initializer(model: Model, name: string): TensorProto {
  const found = model.proto.graph!.initializer.find((tensor) => tensor.name === name);
  if (found === undefined) throw new Error(`No initializer ${name} among ${model.proto.graph!.initializer.map((tensor) => tensor.name).join(', ')}`);
  return found;
}

/** The elements of an initializer as numbers. */
export function numbersOf(model: Model, name: string): number[] {
  return elementsOf(model, initializer(model, name));
}

export function elementsOf(model: Model, proto: TensorProto): number[] {
  const tensor = tensorOf(model, proto);
  return [...decode(tensor, tensor.dtype)];
}

export function decode(payload: Payload, dtype: string): ArrayLike<number> & Iterable<number> {
  const { buffer } = readPayload(payload);
  if (dtype === 'float32') return new Float32Array(buffer);
  if (dtype === 'int8') return new Int8Array(buffer);
  if (dtype === 'uint8') return new Uint8Array(buffer);
  if (dtype === 'int64') return Array.from(new BigInt64Array(buffer), Number);
  if (dtype !== 'float16') throw new Error(`${dtype} is not decoded here.`);
  const halves = new Uint16Array(buffer);
  const floats = new Float32Array(halves.length);
  float16ToFloat32(halves, floats);
  return floats;
}
