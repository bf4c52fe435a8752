// Bundled by gpu.bench.mjs.
export { rowsOf } from './rows.mjs';
