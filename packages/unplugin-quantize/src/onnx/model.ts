import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { QuantizeError } from '../errors.ts';
import { ModelProtoSchema, type ModelProto } from './gen/onnx_pb.ts';
import { processLimits, type Limits } from '../limits.ts';
import type { Payload, TensorPayload } from './payload.ts';
import { readSkeleton } from './skeleton.ts';
import type { ByteSource, ExternalFiles } from './source.ts';
import { spliceSkeleton } from './splice.ts';

/** A model whose structure is in memory and whose weights are where they were. */
export interface Model {
  /** Path or name, for errors. */
  readonly name: string;
  readonly proto: ModelProto;
  /** Data of large tensors, by TensorProto.payload. */
  readonly payloads: TensorPayload[];
  /** Where external data is opened, if the caller gave a way. */
  readonly files: ExternalFiles | undefined;
  /** What the file may ask for; those of the process where there are none. */
  readonly limits?: Readonly<Limits> | undefined;
}

/** IR versions that are read: 3 (2017, initializers must be inputs too) to 14. */
const IR_VERSIONS = { oldest: 3, newest: 14 };
/** The oldest default-domain opset that is read. */
const OLDEST_OPSET = 9;
/** They are looked up again and again, one after the other. */
const MOST_OPSETS = 1000;

/**
 * Reads the structure of a model; the data of tensors above 1 kB is only located.
 *
 * @throws QuantizeError MODEL_EMPTY, MODEL_NOT_ONNX, MODEL_TRUNCATED, MODEL_INVALID, MODEL_TOO_LARGE, OPSET_UNSUPPORTED
 */
export function readModel(source: ByteSource, files?: ExternalFiles, limits: Readonly<Limits> = source.limits ?? processLimits()): Model {
  const place = { model: source.name };
  if (source.byteLength === 0) {
    throw new QuantizeError('MODEL_EMPTY', 'The model file is empty.', { ...place, hint: 'Export or download the model again.' });
  }
  const { bytes, payloads } = readSkeleton(source, limits);
  const proto = parse(bytes, source.name);
  checkVersions(proto, source.name);
  return { name: source.name, proto, payloads, files, limits };
}

/** The model's bytes as a stream; what was not changed is written byte for byte as it was read. */
export function writeModel(model: Model): Payload {
  return spliceSkeleton(toBinary(ModelProtoSchema, model.proto), model.payloads, model.name);
}

/** A copy whose structure can be edited while the original stays as it is; weights are shared. */
export function cloneModel(model: Model): Model {
  const proto = fromBinary(ModelProtoSchema, toBinary(ModelProtoSchema, model.proto));
  return { ...model, proto, payloads: [...model.payloads] };
}

/** The version of an operator domain that the model imports; '' is the standard's own domain. */
export function opsetVersion(proto: ModelProto, domain = ''): number | undefined {
  const found = proto.opsetImport.find((entry) => sameDomain(entry.domain, domain));
  return found === undefined ? undefined : Number(found.version);
}

/** Makes sure that a domain is imported at `version` or above. */
export function requireOpset(proto: ModelProto, domain: string, version: number): void {
  const found = proto.opsetImport.find((entry) => sameDomain(entry.domain, domain));
  if (found === undefined) {
    const entry = create(ModelProtoSchema, { opsetImport: [{ domain, version: BigInt(version) }] }).opsetImport[0]!;
    proto.opsetImport.push(entry);
  } else if (Number(found.version) < version) {
    found.version = BigInt(version);
  }
}

/** 'ai.onnx' is another name of the default domain. */
export function sameDomain(a: string, b: string): boolean {
  return (a === 'ai.onnx' ? '' : a) === (b === 'ai.onnx' ? '' : b);
}

function parse(bytes: Uint8Array, name: string): ModelProto {
  try {
    return fromBinary(ModelProtoSchema, bytes);
  } catch (cause) {
    throw new QuantizeError('MODEL_NOT_ONNX', `This is not an ONNX model: ${cause instanceof Error ? cause.message : String(cause)}.`, {
      model: name,
      hint: 'Pass an .onnx file; other formats have to be exported to ONNX first.',
      cause,
    });
  }
}

function checkVersions(proto: ModelProto, name: string): void {
  if (proto.graph === undefined) {
    throw new QuantizeError('MODEL_NOT_ONNX', 'This is not an ONNX model: it has no graph.', {
      model: name,
      hint: 'Pass an .onnx file; .ort files and other formats have to be exported to ONNX first.',
    });
  }
  if (proto.opsetImport.length > MOST_OPSETS) {
    throw new QuantizeError('MODEL_INVALID', `The model imports ${proto.opsetImport.length} sets of operators: ${MOST_OPSETS} are too many for any.`, { model: name });
  }
  const ir = Number(proto.irVersion);
  if (ir < IR_VERSIONS.oldest || ir > IR_VERSIONS.newest) {
    throw new QuantizeError('OPSET_UNSUPPORTED', `IR version ${ir} is not supported: ${IR_VERSIONS.oldest} to ${IR_VERSIONS.newest} are.`, {
      model: name,
      hint: 'Export the model with a current exporter, or convert it with onnx.version_converter.',
    });
  }
  const opset = opsetVersion(proto);
  if (opset !== undefined && opset < OLDEST_OPSET) {
    throw new QuantizeError('OPSET_UNSUPPORTED', `Opset ${opset} is not supported: ${OLDEST_OPSET} and above are.`, {
      model: name,
      hint: `Export the model with opset ${OLDEST_OPSET} or above (13 is a good choice), or convert it with onnx.version_converter.`,
    });
  }
}
