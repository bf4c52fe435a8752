import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge', 'microsoft-edge-stable'];
const MACOS = ['Google Chrome', 'Chromium', 'Microsoft Edge'].map((name) => `/Applications/${name}.app/Contents/MacOS/${name}`);
const WINDOWS = ['Google/Chrome/Application/chrome.exe', 'Chromium/Application/chrome.exe', 'Microsoft/Edge/Application/msedge.exe'];

/** The path of a Chromium-based browser: CHROMIUM_PATH, else the first that is installed, else undefined. */
export function findBrowser(env = process.env, platform = process.platform) {
  return candidates(env, platform).find((path) => existsSync(path));
}

function candidates(env, platform) {
  if (env.CHROMIUM_PATH) return [env.CHROMIUM_PATH];
  if (platform === 'darwin') return MACOS.flatMap((path) => [path, join(env.HOME ?? '', path)]);
  if (platform === 'win32') {
    const folders = [env.ProgramFiles, env['ProgramFiles(x86)'], env.LOCALAPPDATA].filter(Boolean);
    return folders.flatMap((folder) => WINDOWS.map((path) => join(folder, path)));
  }
  const folders = (env.PATH ?? '').split(delimiter).concat('/snap/bin').filter(Boolean);
  return NAMES.flatMap((name) => folders.map((folder) => join(folder, name)));
}

/** Chromium's sandbox refuses to run as root, as in most containers. */
export function sandboxArguments() {
  return process.getuid?.() === 0 ? ['--no-sandbox'] : [];
}

/** True when somebody can see a window and stop the demo. */
export function hasScreen(env = process.env, platform = process.platform) {
  if (!process.stdout.isTTY || env.CI) return false;
  return platform !== 'linux' || Boolean(env.DISPLAY || env.WAYLAND_DISPLAY);
}
