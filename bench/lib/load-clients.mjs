// Puts a running service under load and prints what came of it as JSON: load-clients.mjs ORIGIN PATH PID CLIENTS SECONDS FILE...
import { readFileSync } from 'node:fs';
import { putUnderLoad } from './load.mjs';

const [origin, path, pid, clients, seconds, ...files] = process.argv.slice(2);
const bodies = files.map((file) => readFileSync(file));
const { latencies: _, ...found } = await putUnderLoad({ origin, process: { pid: Number(pid) } }, path, { clients: Number(clients), seconds: Number(seconds), bodies });
console.log(JSON.stringify(found));
