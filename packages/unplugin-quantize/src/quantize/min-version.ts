import { opsetVersion, type Model } from '../onnx/index.ts';

/** The onnxruntime release that first supported each opset of the standard's domain (onnxruntime's "ONNX Runtime compatibility" page). */
const RELEASES: readonly [opset: number, release: string][] = [
  [11, '1.0.0'], [12, '1.3.0'], [13, '1.6.0'], [14, '1.8.0'], [15, '1.9.0'], [16, '1.11.0'],
  [17, '1.12.0'], [18, '1.14.0'], [19, '1.15.0'], [20, '1.17.0'], [21, '1.18.0'], [22, '1.21.0'], [23, '1.23.0'],
];

/** The oldest onnxruntime release that runs a model by its opset; every operator that the formats add is as old as its opset. */
export function minOnnxruntime(model: Model): string {
  const opset = opsetVersion(model.proto) ?? 0;
  return RELEASES.find(([version]) => version >= opset)?.[1] ?? RELEASES.at(-1)![1];
}
