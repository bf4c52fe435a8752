import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeNode } from '../../packages/unplugin-quantize/src/graph/index.ts';
import { create, dtypeCode, readPayload, TensorProto_DataLocation as DataLocation, TensorProtoSchema } from '../../packages/unplugin-quantize/src/onnx/index.ts';
import { buildModel, floats } from './build-model.ts';
import { bytesOf } from './run-model.ts';

/** Writes a model of one MatMul, `y[N,64] = x[N,64] w[64,64]`, whose weight is in a file beside it; returns the model's path. */
export function writeSplitModel(folder: string, location = 'model.data', factor = 1): string {
  const weight = floats([64, 64], Array.from({ length: 4096 }, (_, i) => ((((i * 7919) % 255) - 127) * factor) / 64));
  const model = buildModel({ nodes: [makeNode('MatMul', ['x', 'w'], ['y'])], inputs: { x: 'float32[N,64]' }, outputs: { y: 'float32[N,64]' } });
  const entries = Object.entries({ location, offset: '0', length: String(weight.byteLength) });
  const proto = create(TensorProtoSchema, {
    name: 'w',
    dataType: dtypeCode('float32'),
    dims: [64n, 64n],
    dataLocation: DataLocation.EXTERNAL,
    externalData: entries.map(([key, value]) => ({ key, value })),
  });
  model.proto.graph!.initializer = [proto];
  const path = join(folder, 'model.onnx');
  writeFileSync(path, bytesOf(model));
  writeFileSync(join(folder, location), readPayload(weight));
  return path;
}
