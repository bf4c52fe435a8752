import charlm from './charlm.onnx?quantize';
import mobilenet from './mobilenet.onnx?quantize';
import sst from './sst.onnx?quantize';
import vad from './vad.onnx?quantize';
import { Tensor } from 'onnxruntime-common';
import { createSession } from 'unplugin-quantize/runtime';
import { feedsOf } from '../../lib/gpu-feeds.mjs';
import references from './references.json';

const ROUNDS = 50;
const WARM_UP = 5;

/**
 * Runs every model on every list of backends, `[]` being the runtime's own choice, and compares with what the sources give.
 */
export async function rowsOf(lists) {
  const rows = [];
  for (const model of [mobilenet, sst, charlm, vad]) {
    for (const backends of lists) rows.push(await rowOf(model, backends));
  }
  return rows;
}

async function rowOf(model, backends) {
  const name = model.name.replace('.onnx', '');
  const told = [];
  const row = { model: name, asked: backends.length === 0 ? 'default' : backends.join(', ') };
  try {
    const begun = performance.now();
    const session = await createSession(model, { ...(backends.length > 0 && { backends }), onFallback: ({ backend, reason }) => told.push(`${backend}: ${reason}`) });
    row.createdMs = performance.now() - begun;
    const { ms, first } = await timed(session, feedsOf(name, Tensor));
    Object.assign(row, { backend: session.backend, format: session.variant.format, ms, difference: largestDifference(references[name], first) });
    await session.dispose();
  } catch (error) {
    told.push(error.message);
  }
  return { ...row, told: told.join('; ') };
}

/** The median of the runs after the first few, which compile kernels. */
async function timed(session, feeds) {
  const times = [];
  let first;
  for (let round = 0; round < ROUNDS + WARM_UP; round++) {
    const begun = performance.now();
    const outputs = await session.run(feeds);
    if (round >= WARM_UP) times.push(performance.now() - begun);
    first ??= Float32Array.from(outputs[session.outputNames[0]].data);
  }
  return { ms: times.sort((a, b) => a - b)[ROUNDS / 2], first };
}

function largestDifference(reference, values) {
  return values.reduce((most, value, i) => Math.max(most, Math.abs(value - reference[i])), 0);
}
