// Clients of an HTTP service that ask again as soon as they have an answer, and what the service's process makes of them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';

/**
 * Starts a service and waits until it listens.
 *
 * @param script path of its JavaScript
 * @returns its process, origin, and all that it has written to stderr
 */
export async function startService(script, env) {
  const service = spawn(process.execPath, [script], { env: { ...process.env, PORT: '0', ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  service.stderr.setEncoding('utf8').on('data', (text) => (log += text));
  for (;;) {
    const port = /^Listening on port (\d+)/m.exec(log)?.[1];
    if (port !== undefined) return { process: service, origin: `http://127.0.0.1:${port}`, log: () => log };
    if (service.exitCode !== null) throw new Error(`The service has ended: ${log}`);
    await once(service.stderr, 'data');
  }
}

/** Tells a service to end; gives its exit code. */
export async function stopService({ process: service }) {
  const left = once(service, 'exit');
  service.kill('SIGTERM');
  return (await left)[0];
}

/**
 * @param options.clients how many ask at the same time
 * @param options.seconds how long
 * @param options.bodies what they post, in turn
 * @param options.check looks at the JSON of an answer with 200; false counts as an error
 */
export async function putUnderLoad({ origin, process: service }, path, { clients, seconds, bodies, check = () => true }) {
  const before = processorSeconds(service.pid);
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const found = { answers: 0, refused: 0, errors: [], latencies: [], memory: [] };
  const start = performance.now();
  const end = start + seconds * 1000;
  const meter = setInterval(() => found.memory.push({ seconds: (performance.now() - start) / 1000, rss: residentBytes(service.pid) }), 500);
  let next = 0;
  async function ask() {
    while (performance.now() < end) {
      const index = next++ % bodies.length;
      const began = performance.now();
      try {
        const { status, headers, body } = await post(origin + path, bodies[index], agent);
        if (status === 503 && headers['retry-after'] !== undefined) {
          found.refused++;
          await new Promise((resolve) => setTimeout(resolve, Math.min(Number(headers['retry-after']) * 1000, end - performance.now())));
        } else if (status !== 200 || !check(JSON.parse(body), index)) found.errors.push(`${status} ${body}`);
        else {
          found.answers++;
          found.latencies.push(performance.now() - began);
        }
      } catch (error) {
        found.errors.push(String(error));
      }
    }
  }
  await Promise.all(Array.from({ length: clients }, ask));
  const took = (performance.now() - start) / 1000;
  clearInterval(meter);
  agent.destroy();
  found.latencies.sort((a, b) => a - b);
  const at = (share) => found.latencies[Math.min(found.latencies.length - 1, Math.floor(share * found.latencies.length))];
  const after = processorSeconds(service.pid);
  return { ...found, cpu: before === null || found.answers === 0 ? null : ((after - before) * 1000) / found.answers, perSecond: found.answers / took, median: at(0.5), p95: at(0.95), p99: at(0.99), ...growth(found.memory) };
}

/** MB of a process that are in memory; null where the system does not tell. */
export function residentBytes(pid) {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024;
  } catch {
    return null;
  }
}

/** Time that a process has had processors for; null where the system does not tell. */
function processorSeconds(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    // User and system time, in ticks of which Linux shows 100 a second.
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return null;
  }
}

/** Largest resident set in MB, and its slope in MB a minute over the second half, by least squares. */
export function growth(memory) {
  const known = memory.filter(({ rss }) => rss !== null).map(({ seconds, rss }) => ({ seconds, rss: rss / 1e6 }));
  const late = known.slice(known.length >> 1);
  if (late.length < 3) return { peak: null, slope: null };
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [x, y] = [mean(late.map(({ seconds }) => seconds)), mean(late.map(({ rss }) => rss))];
  const slope = late.reduce((sum, one) => sum + (one.seconds - x) * (one.rss - y), 0) / late.reduce((sum, one) => sum + (one.seconds - x) ** 2, 0);
  return { peak: Math.max(...known.map(({ rss }) => rss)), slope: slope * 60 };
}

function post(url, body, agent) {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', agent, headers: { 'content-length': body.length } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => (text += part)).on('end', () => resolve({ status: response.statusCode, headers: response.headers, body: text })).on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
