import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, platform } from 'node:os';
import { dirname, join } from 'node:path';
import type { Verdict, VerdictStore } from './verdict.ts';

/** Verdicts that the file keeps; the oldest go first. */
const KEPT = 500;

const memory = new Map<string, Verdict>();

/** Verdicts in one JSON file below the user's cache folder, or that of UNPLUGIN_QUANTIZE_CACHE. */
export const nodeVerdicts: VerdictStore = {
  async get(key) {
    return memory.get(key) ?? (await readVerdicts()).get(key);
  },
  async set(key, verdict) {
    memory.set(key, verdict);
    const verdicts = await readVerdicts();
    verdicts.delete(key);
    verdicts.set(key, verdict);
    await writeVerdicts([...verdicts].slice(-KEPT));
  },
};

function verdictsFile(): string {
  const { UNPLUGIN_QUANTIZE_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  return join(UNPLUGIN_QUANTIZE_CACHE ?? join(userCache(XDG_CACHE_HOME, LOCALAPPDATA), 'unplugin-quantize'), 'verdicts.json');
}

function userCache(xdg: string | undefined, local: string | undefined): string {
  if (platform() === 'darwin') return join(homedir(), 'Library/Caches');
  if (platform() === 'win32') return local ?? join(homedir(), 'AppData/Local');
  return xdg ?? join(homedir(), '.cache');
}

/** A file that is missing or damaged knows nothing. */
async function readVerdicts(): Promise<Map<string, Verdict>> {
  try {
    const parsed: unknown = JSON.parse(await readFile(verdictsFile(), 'utf8'));
    return new Map(Array.isArray(parsed) ? (parsed as [string, Verdict][]) : []);
  } catch {
    return new Map();
  }
}

/** Under another name first, so that no process reads half of it. Where nothing can be written, verdicts live as long as the process. */
async function writeVerdicts(verdicts: [string, Verdict][]): Promise<void> {
  const file = verdictsFile();
  const next = `${file}.${process.pid}.${Math.random().toString(36).slice(2)}`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(next, JSON.stringify(verdicts));
    await rename(next, file);
  } catch {
    await rm(next, { force: true }).catch(() => undefined);
  }
}
