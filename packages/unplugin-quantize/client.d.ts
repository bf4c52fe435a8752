/*
 * Types of model imports: add "unplugin-quantize/client" to `types` of tsconfig.json.
 *
 * TypeScript matches one `*` in a module's name, so a query is typed by how it ends: put `&quantize` last after other keys
 * ('./model.onnx?ops=MatMul,Conv&quantize'), and `&url` last of all.
 */

declare module '*.onnx?quantize' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*.onnx?quantize=int8' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*.onnx?quantize=int8-dynamic' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*.onnx?quantize=int8-static' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*.onnx?quantize=int8-storage' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*.onnx?quantize=int8-weight' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*.onnx?quantize=int4' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*.onnx?quantize=int4-fp16' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*.onnx?quantize=int4-storage' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*.onnx?quantize=fp16' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*.onnx?quantize=fp16-storage' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*.onnx?quantize=none' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*.onnx?quantize=auto' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*&quantize' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*&quantize=int8' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*&quantize=int8-dynamic' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*&quantize=int8-static' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*&quantize=int8-storage' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*&quantize=int8-weight' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*&quantize=int4' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*&quantize=int4-fp16' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*&quantize=int4-storage' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*&quantize=fp16' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*&quantize=fp16-storage' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*&quantize=none' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

declare module '*&quantize=auto' {
  const model: import('./dist/types.js').QuantizedModel;
  export default model;
}

/** The URL of the first variant. */
declare module '*&url' {
  const url: string;
  export default url;
}
