/**
 * Operators that are computed in half precision, with the inputs that stay float32. Every other operator stays float32 between
 * two casts: reductions, norms, powers, roots, reciprocals, exponentials and logarithms lose too much, overflow or vanish in 16 bits, and
 * some have no half-precision form in the standard (Celu, Range, NonMaxSuppression, Multinomial) or in the engines.
 */
export const HALF_OPS: ReadonlyMap<string, readonly number[]> = new Map([
  ...[
    'Conv', 'ConvTranspose', 'MatMul', 'Gemm', 'Add', 'Sub', 'Mul', 'Div', 'Neg', 'Abs', 'Floor', 'Ceil', 'Round',
    'Relu', 'LeakyRelu', 'PRelu', 'Elu', 'Selu', 'Gelu', 'Sigmoid', 'HardSigmoid', 'HardSwish', 'Mish', 'Tanh', 'Erf', 'Clip',
    'Softmax', 'AveragePool', 'MaxPool', 'GlobalMaxPool', 'GlobalAveragePool', 'BatchNormalization',
    'Reshape', 'Transpose', 'Squeeze', 'Unsqueeze', 'Flatten', 'Concat', 'Split', 'Slice', 'Gather', 'GatherElements', 'GatherND', 'Expand',
    'Tile', 'Pad', 'Identity', 'Where', 'DepthToSpace', 'SpaceToDepth', 'Dropout', 'ScatterND', 'ScatterElements', 'Trilu',
    'Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual',
  ].map((op): [string, number[]] => [op, []]),
  // The scales of Resize are float32 by its specification, the region of interest may be.
  ['Resize', [1, 2]],
]);

/** onnxruntime's own operators (com.microsoft) that are computed in half precision with all their float inputs. */
export const OWN_HALF_OPS: ReadonlySet<string> = new Set(['MatMulNBits', 'GatherBlockQuantized']);
