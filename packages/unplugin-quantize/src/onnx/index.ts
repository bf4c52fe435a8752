/** Makes messages: every other room gets it here, so that there is one protobuf library. */
export { create } from '@bufbuild/protobuf';
export { dtypeCode, dtypeOf, rawByteLength, type DType } from './dtype.ts';
export { externalLocations, isExternal } from './external-data.ts';
export { checkLocation } from './location.ts';
export { externalizeData } from './externalize.ts';
export { float16Bits, float16ToFloat32, float32BitsToFloat16, halfToNumber } from './float16.ts';
export * from './gen/onnx_pb.ts';
export { cloneModel, opsetVersion, readModel, requireOpset, sameDomain, writeModel, type Model } from './model.ts';
export { bytesPayload, CHUNK_BYTES, rangePayload, readPayload, type Payload, type TensorPayload } from './payload.ts';
export { bytesSource, type ByteSource, type ExternalFiles } from './source.ts';
export { arrayTensor, elementCount, rawTensor, setTensor, tensorOf, tensorProto, type Tensor } from './tensor.ts';
