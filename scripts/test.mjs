// npm test: set-up, linter, types, package check and all tests, from a clean clone with Node and npm only.
// The last line counts the tests: "N passed, N failed, N skipped".
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findBrowser } from './browser.mjs';
import { buildPackage, ensureInstalled, PACKAGE, ROOT, run, step } from './setup.mjs';

const bin = (name) => join(ROOT, 'node_modules/.bin', name);
const shell = process.platform === 'win32';

ensureInstalled();
buildPackage();
ensureBrowser();
ensureRedis();
step('Linting');
run(bin('oxlint'), ['--deny-warnings'], { shell });
step('Checking types');
run(bin('tsc'), ['--noEmit'], { shell });
step('Checking the package');
run(bin('publint'), ['run', PACKAGE, '--strict', '--pack', 'npm'], { shell });
step('Running the tests');
process.exit(runTests(process.argv.slice(2)));

/** The browser tests need a Chromium; on a Debian machine where this may install packages it is fetched, elsewhere they are skipped. */
function ensureBrowser() {
  if (findBrowser() !== undefined) return;
  if (mayInstall()) install('Chromium', ['chromium', 'fonts-dejavu-core']);
  else step('No Chrome, Chromium or Edge was found (CHROMIUM_PATH names one): browser tests are skipped');
}

/** The same for the tests of a cache that machines share. */
function ensureRedis() {
  if (spawnSync('redis-server', ['--version']).status === 0) return;
  if (mayInstall()) install('Redis', ['redis-server']);
  else step('No redis-server was found: tests with it are skipped');
}

function mayInstall() {
  return process.getuid?.() === 0 && spawnSync('apt-get', ['--version']).status === 0;
}

function install(name, packages) {
  step(`Installing ${name}`);
  run('apt-get', ['update', '-qq'], { quiet: true });
  run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...packages], { quiet: true });
}

function runTests(files) {
  const folder = mkdtempSync(join(tmpdir(), 'unplugin-quantize-test-'));
  const outputFile = join(folder, 'results.json');
  const result = spawnSync(bin('vitest'), ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${outputFile}`, ...files], { cwd: ROOT, stdio: 'inherit', shell });
  const counted = count(outputFile);
  rmSync(folder, { recursive: true });
  // A file that fails to load has no tests to count, so the runner's own verdict decides too.
  const failed = result.status === 0 ? counted.failed : Math.max(1, counted.failed);
  console.log(`\n${counted.passed} passed, ${failed} failed, ${counted.skipped} skipped`);
  return failed === 0 ? 0 : 1;
}

function count(file) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(file, 'utf8'));
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests };
  } catch {
    return { passed: 0, failed: 1, skipped: 0 };
  }
}
