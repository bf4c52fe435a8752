import { createSession, loadModelBytes } from 'unplugin-quantize/runtime';

/** Loads the model and runs it once on plain numbers; everything that comes back can be sent out of the page. */
async function load(model, feeds, options) {
  const warnings = [];
  const reports = [];
  try {
    const session = await createSession(model, {
      ...options,
      onProgress: (progress) => reports.push(progress),
      onWarning: (message) => warnings.push(message),
    });
    const { env, InferenceSession, Tensor } = await import('onnxruntime-web/wasm');
    const tensors = Object.entries(feeds).map(([name, { type, data, dims }]) => {
      const values = type === 'int64' ? BigInt64Array.from(data, BigInt) : Float32Array.from(data);
      return [name, new Tensor(type, values, dims)];
    });
    const results = await session.run(Object.fromEntries(tensors));
    const outputs = Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, Array.from(data)]));
    const ordinary = session instanceof InferenceSession;
    await session.release();
    return { outputs, warnings, reports, ordinary, backend: session.backend, variant: session.variant, threads: env.wasm.numThreads };
  } catch (error) {
    return { error: { name: error.name, code: error.code, message: error.message, hint: error.hint }, warnings, reports };
  }
}

/** Aborts at the first progress report and tells what the promise was rejected with. */
async function abortMidway(url) {
  const controller = new AbortController();
  const reason = new Error('the user left');
  const shares = [];
  const onProgress = ({ share }) => {
    shares.push(share);
    controller.abort(reason);
  };
  const rejection = await loadModelBytes(url, { signal: controller.signal, onProgress }).then(
    () => 'nothing',
    (thrown) => (thrown === reason ? 'the reason' : String(thrown)),
  );
  return { rejection, shares };
}

window.lab = { load, abortMidway };
