export type { ModelVariant, QuantizedModel } from '../types.ts';
export { RuntimeError } from './errors.ts';
export type { RuntimeErrorCode } from './errors.ts';
export type { Backend, CreateSessionOptions, Fallback, LoadOptions, Progress, QuantizeSession, SessionOptions } from './types.ts';
