import { createSession, loadModelBytes } from 'unplugin-quantize/runtime';

/** Loads the model and runs it once on plain numbers; everything that comes back can be sent out of the page. */
async function load(model, feeds, options = {}) {
  const warnings = [];
  const reports = [];
  const fallbacks = [];
  try {
    const session = await createSession(model, {
      ...options,
      ...(options.worker && { worker: () => new Worker(new URL('./session.worker.js', import.meta.url), { type: 'module' }) }),
      ...(options.tellFallbacks && { onFallback: (fallback) => fallbacks.push(fallback) }),
      onProgress: (progress) => reports.push(progress),
      onWarning: (message) => warnings.push(message),
    });
    const { env, InferenceSession, Tensor } = await import('onnxruntime-web/wasm');
    const tensors = toTensors(feeds, Tensor);
    const results = await session.run(tensors);
    const outputs = toPlain(results);
    let again;
    if (options.loseDevice) again = await loseDevice(session, tensors);
    const { backend, variant, inputNames } = session;
    const ordinary = session instanceof InferenceSession;
    await session.release();
    const afterwards = await session.run(tensors).catch((error) => error.code);
    return { outputs, again, warnings, reports, fallbacks, ordinary, backend, variant, inputNames, afterwards, threads: env.wasm.numThreads };
  } catch (error) {
    return { error: { name: error.name, code: error.code, message: error.message, hint: error.hint }, warnings, reports, fallbacks };
  }
}

/** Destroys the GPU device of onnxruntime while three calls are under way. */
async function loseDevice(session, tensors) {
  const gpu = await import('onnxruntime-web/jspi');
  const calls = [1, 2, 3].map(() => session.run(tensors));
  (await gpu.env.webgpu.device).destroy();
  return (await Promise.all(calls)).map(toPlain);
}

function toTensors(feeds, Tensor) {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { type, data, dims }]) => {
      const values = type === 'int64' ? BigInt64Array.from(data, BigInt) : Float32Array.from(data);
      return [name, new Tensor(type, values, dims)];
    }),
  );
}

function toPlain(results) {
  return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, Array.from(data)]));
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

/** All that is remembered of backends. */
async function verdicts() {
  const opening = indexedDB.open('unplugin-quantize');
  await new Promise((resolve) => opening.addEventListener('success', resolve));
  const all = opening.result.transaction('verdicts').objectStore('verdicts').getAll();
  await new Promise((resolve) => all.addEventListener('success', resolve));
  opening.result.close();
  return all.result;
}

/** Paths of all kept models. */
async function kept() {
  const cache = await caches.open('unplugin-quantize');
  return (await cache.keys()).map(({ url }) => new URL(url).pathname);
}

/** Puts other bytes in the place of a kept model. */
async function damage(path) {
  const cache = await caches.open('unplugin-quantize');
  const bytes = new Uint8Array(await (await cache.match(path)).arrayBuffer());
  bytes[bytes.length >> 1] ^= 1;
  await cache.put(path, new Response(bytes));
}

window.lab = { load, abortMidway, verdicts, kept, damage };
