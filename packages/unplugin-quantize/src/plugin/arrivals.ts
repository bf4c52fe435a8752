import { existsSync, mkdtempSync, rmSync, statSync, watch, writeFileSync, type FSWatcher } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/**
 * Files that come and go, for bundlers that watch only what is there. For each folder there is a small file, which changes when
 * one of the paths in the folder appears or is removed, and which the bundler can watch.
 */
export interface Arrivals {
  /** The small files of the paths' folders. Folders that are not there have none. */
  signalsOf(paths: readonly string[]): string[];
  close(): void;
}

interface Folder {
  signal: string;
  watcher: FSWatcher;
  /** Whether each path was there when it was last looked at. */
  present: Map<string, boolean>;
  timer?: NodeJS.Timeout | undefined;
}

/** What is written in pieces shall be whole before it is told of. */
const SETTLED_MS = 50;

export function createArrivals(): Arrivals {
  const folders = new Map<string, Folder>();
  let signals: string | undefined;
  let changes = 0;

  function close(): void {
    for (const { watcher, timer } of folders.values()) {
      clearTimeout(timer);
      watcher.close();
    }
    folders.clear();
    process.off('exit', close);
    if (signals !== undefined) rmSync(signals, { recursive: true, force: true });
    signals = undefined;
  }

  function look(folder: Folder): void {
    const flipped = [...folder.present].filter(([path, was]) => existsSync(path) !== was);
    for (const [path, was] of flipped) folder.present.set(path, !was);
    if (flipped.length > 0) writeFileSync(folder.signal, String(++changes));
  }

  function open(path: string): Folder {
    if (signals === undefined) {
      signals = mkdtempSync(join(tmpdir(), 'unplugin-quantize-watch-'));
      process.once('exit', close);
    }
    const signal = join(signals, `${folders.size}.txt`);
    writeFileSync(signal, String(changes));
    const folder: Folder = { signal, present: new Map(), watcher: watch(path, { persistent: false }) };
    folder.watcher.on('change', () => {
      clearTimeout(folder.timer);
      folder.timer = setTimeout(look, SETTLED_MS, folder).unref();
    });
    // The folder has gone: nothing can appear in it.
    folder.watcher.on('error', () => folder.watcher.close());
    return folder;
  }

  function signalOf(path: string): string | undefined {
    const place = dirname(path);
    if (statSync(place, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined;
    const folder = folders.get(place) ?? open(place);
    folders.set(place, folder);
    if (!folder.present.has(path)) folder.present.set(path, existsSync(path));
    return folder.signal;
  }

  return { signalsOf: (paths) => [...new Set(paths.map(signalOf).filter((signal) => signal !== undefined))], close };
}
