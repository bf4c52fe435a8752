import { opsetVersion, type Model } from '../onnx/index.ts';

/** The onnxruntime release that first supported each opset of the standard's domain (onnxruntime's "ONNX Runtime compatibility" page). */
const RELEASES: readonly [opset: number, release: string][] = [
  [9, '1.0.0'], [10, '1.0.0'], [11, '1.2.0'], [12, '1.4.0'], [13, '1.7.0'], [14, '1.9.0'], [15, '1.11.0'], [16, '1.12.0'],
  [17, '1.13.0'], [18, '1.14.1'], [19, '1.16.0'], [20, '1.17.0'], [21, '1.20.0'], [22, '1.21.0'], [23, '1.23.0'],
];

/** The oldest onnxruntime release that runs a model by its opset; every operator that the formats add is as old as its opset. */
export function minOnnxruntime(model: Model): string {
  const opset = opsetVersion(model.proto) ?? 0;
  return RELEASES.find(([version]) => version >= opset)?.[1] ?? RELEASES.at(-1)![1];
}
