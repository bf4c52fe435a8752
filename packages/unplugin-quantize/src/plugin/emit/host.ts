import type { UnpluginBuildContext, UnpluginContext, UnpluginOptions } from 'unplugin';
import type { ModelReport } from '../../types.ts';
import type { Platform } from '../platform.ts';

/** `this` of the hooks that every bundler has. */
export type HookContext = UnpluginBuildContext & UnpluginContext;

/** Hooks of a bundler; unplugin forwards those that it knows and hands the others over as they are. */
export type Hooks = Omit<UnpluginOptions, 'name' | 'enforce'>;

/** A quantized file that the bundler shall publish. */
export interface Artefact {
  /** Absolute path in the cache; read, never changed. */
  file: string;
  /** Name to publish under, such as `model.onnx`; bundlers add a hash. */
  fileName: string;
  sha256: string;
}

/** What differs between bundlers with Rollup's hooks. */
export interface RollupLikeHost {
  /** Hooks under the bundler's own key; unplugin lays them over the common ones. */
  hooks: Hooks;
  /** True where `/models/x.onnx` means a file below the project's root. */
  rootRelative: boolean;
  /** Which of several builds of one plugin instance is at work, such as Vite's `client` and `ssr`. */
  scope(context: HookContext): string;
  /** Where the output of the build runs. */
  platform(context: HookContext): Platform;
  /** Publishes the artefact and gives the JavaScript expression of its URL for the module that is being loaded. */
  emit(context: HookContext, artefact: Artefact): Promise<string>;
  /** Has the module loaded again when one of the files changes or appears; called before the work with what is known, and after it. */
  watch(context: HookContext, id: string, files: readonly string[]): void;
  /** Told of every loaded model: a dev server prints it at once, where a build prints its table at the end. */
  tell?(reports: readonly ModelReport[]): void;
  /** Packages that stay imports in the output. */
  isExternal(context: HookContext, specifier: string): boolean;
}

/** onnxruntime-node loads a native library by a path beside its own files, so that it cannot be bundled. */
export const NATIVE_PACKAGE = 'onnxruntime-node';
