import type { Verdict, VerdictStore } from './verdict.ts';

const STORE = 'verdicts';

/** For pages that may not keep anything (private windows of some browsers, sandboxed frames), and to spare the database. */
const memory = new Map<string, Verdict>();

/** Verdicts in IndexedDB. */
export const webVerdicts: VerdictStore = {
  async get(key) {
    const known = memory.get(key);
    if (known !== undefined) return known;
    return access('readonly', (store) => store.get(key) as IDBRequest<Verdict | undefined>);
  },
  async set(key, verdict) {
    memory.set(key, verdict);
    await access('readwrite', (store) => store.put(verdict, key));
  },
};

/** The request's result; undefined where the page has no database, whose verdicts then live as long as the page. */
async function access<T>(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest<T>): Promise<T | undefined> {
  try {
    const opening = indexedDB.open('unplugin-quantize', 1);
    opening.addEventListener('upgradeneeded', () => opening.result.createObjectStore(STORE));
    const database = await settled(opening);
    try {
      return await settled(ask(database.transaction(STORE, mode).objectStore(STORE)));
    } finally {
      database.close();
    }
  } catch {
    return undefined;
  }
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener('success', () => resolve(request.result));
    request.addEventListener('error', () => reject(request.error));
  });
}
