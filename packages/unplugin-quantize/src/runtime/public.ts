export type { ModelVariant, QuantizedModel, TypedModel } from '../types.ts';
export type { SessionOf, TypedSession } from './typed-session.ts';
export { RuntimeError } from './errors.ts';
export type { RuntimeErrorCode } from './errors.ts';
export type { Backend, BatchOptions, CreateSessionOptions, Fallback, LoadOptions, Progress, QuantizeSession, SessionOptions } from './types.ts';
