import { loadModule } from './plugin/emit/webpack-load.ts';
import { rewriteModule } from './plugin/emit/webpack-rewrite.ts';

/** The loader that `unplugin-quantize/webpack` and `unplugin-quantize/rspack` put before models and modules; in rules of one's own only for Turbopack. */
const load = rewriteModule;
export default load;

/** Answers before the model is read, so that neither the file nor what other loaders make of it matters. */
const pitch = loadModule;

export { pitch };
export const raw = true;
