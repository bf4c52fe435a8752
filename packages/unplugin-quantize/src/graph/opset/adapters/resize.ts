import { arrayTensor, readPayload, type Tensor } from '../../../onnx/index.ts';
import { setAttribute, stringAttribute } from '../../attributes.ts';
import type { Adapter } from '../context.ts';

/** Opset 10: Upsample goes, and Resize with the same inputs and modes does its work. */
export const upsampleToResize: Adapter = (node, { upsampling }) => {
  node.opType = 'Resize';
  upsampling.add(node);
  return [node];
};

/**
 * Opset 11: coordinates and rounding become attributes. Resize of opset 10 places output i at i / scale ('asymmetric'); 'nearest'
 * takes the element below when it enlarges and the one above when it shrinks, which is what onnxruntime does and the standard leaves open.
 * A scale that is computed is only convertible where it cannot matter: linear mode, or a node that was an Upsample.
 */
export const resizeCoordinates: Adapter = (node, { constant, upsampling, valueOf }) => {
  const [x = '', scales = ''] = node.input;
  setAttribute(node, 'coordinate_transformation_mode', 'asymmetric');
  if (stringAttribute(node, 'mode', 'nearest') === 'nearest') {
    const rounding = upsampling.has(node) ? 'floor' : nearestRounding(valueOf(scales));
    if (rounding === undefined) return { refused: 'takes nearest elements by scales that are computed, or that enlarge one axis and shrink another' };
    setAttribute(node, 'nearest_mode', rounding);
  }
  // Opset 11 wants the region of interest even where it is not used.
  node.input = [x, constant(`${node.output[0]}_roi`, arrayTensor('float32', [0], new Float32Array(0))), scales];
  return [node];
};

function nearestRounding(scales: Tensor | undefined): 'floor' | 'ceil' | undefined {
  if (scales?.dtype !== 'float32') return undefined;
  const values = new Float32Array(readPayload(scales).buffer);
  if (values.every((scale) => scale >= 1)) return 'floor';
  return values.every((scale) => scale <= 1) ? 'ceil' : undefined;
}
