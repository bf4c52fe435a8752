import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Frameworks tell their makers of every build unless they are asked not to. */
const QUIET = { NEXT_TELEMETRY_DISABLED: '1', NUXT_TELEMETRY_DISABLED: '1', ASTRO_TELEMETRY_DISABLED: '1', NO_COLOR: '1', FORCE_COLOR: '0' };
/** Vitest's own words for Node and Vite are not for the app's tools. */
const UNSET = ['NODE_ENV', 'NODE_OPTIONS', 'VITEST', 'TEST', 'VITE_USER_NODE_ENV', 'CI'];

/** A server of an app, started by a script of its package.json. */
export interface RunningApp {
  origin: string;
  /** Everything it has printed. */
  log(): string;
  close(): Promise<void>;
}

export function exampleFolder(name: string): string {
  return fileURLToPath(new URL(`../../examples/${name}`, import.meta.url));
}

/** Runs a script of the app's package.json to its end. @returns what it printed; throws where it fails */
export async function runAppScript(root: string, script: string, args: readonly string[] = []): Promise<string> {
  const { child, log } = start(root, script, args);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`npm run ${script} in ${root} ended with ${code}:\n${log()}`);
  return log();
}

/** Starts a server and waits until it answers; it gets its port by `PORT` and by `args`. */
export async function startApp(root: string, script: string, args: (port: number) => readonly string[] = () => []): Promise<RunningApp> {
  const port = await freePort();
  const { child, log } = start(root, script, args(port), { PORT: String(port), HOST: 'localhost' });
  const origin = `http://localhost:${port}`;
  while (!(await answers(origin))) {
    if (child.exitCode !== null) throw new Error(`npm run ${script} in ${root} has ended:\n${log()}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    origin,
    log,
    async close() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const closed = once(child, 'close');
      // npm does not hand every signal on; the whole group is ours.
      process.kill(-child.pid!, 'SIGKILL');
      await closed;
    },
  };
}

function start(root: string, script: string, args: readonly string[], more: NodeJS.ProcessEnv = {}): { child: ChildProcess; log(): string } {
  const env: NodeJS.ProcessEnv = { ...process.env, ...QUIET, ...more };
  for (const name of UNSET) delete env[name];
  const child = spawn('npm', ['run', '--silent', script, ...(args.length > 0 ? ['--', ...args] : [])], { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  return { child, log: () => text };
}

async function answers(origin: string): Promise<boolean> {
  try {
    return (await fetch(origin, { signal: AbortSignal.timeout(30_000) })).status < 500;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, 'localhost');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Paths of the files below a folder whose names end so, by their names; without those of packages. */
export function filesByName(folder: string, ending: string): Map<string, string> {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith(ending) && !/(?:^|[\\/])node_modules[\\/]/.test(path));
  return new Map(paths.map((path) => [basename(path), join(folder, path)]));
}
