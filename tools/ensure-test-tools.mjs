#!/usr/bin/env node
/**
 * Makes sure that programs which tests start are installed: `node tools/ensure-test-tools.mjs chromium [nats-server …]`.
 * Silent when all are there. On Debian, as root or with passwordless sudo, installs what is missing; anywhere else it fails
 * with one sentence that names the packages and the command. Node built-ins only: it runs before anything is built.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian's package of each program, and the other names under which other systems install it. */
const TOOLS = {
  chromium: {
    package: 'chromium',
    programs: ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'],
  },
  // The library that forgets what was never synced, for power cuts, is compiled by the tests.
  gcc: { package: 'gcc libc6-dev', programs: ['gcc'] },
  'nats-server': { package: 'nats-server', programs: ['nats-server'] },
};

const SEARCHED_ALWAYS = ['/usr/bin', '/usr/sbin', '/usr/local/bin'];

const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(TOOLS, name));
if (names.length === 0 || unknown.length > 0) {
  const asked = unknown.length > 0 ? `unknown test tool ${unknown.join(', ')}` : 'no test tool named';
  fail(`${asked}; known are ${Object.keys(TOOLS).join(', ')}`);
}

const missing = names.filter((name) => !isInstalled(name));
if (missing.length > 0) install(missing);

function isInstalled(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...SEARCHED_ALWAYS].filter(Boolean);
  return TOOLS[name].programs.some((program) => folders.some((folder) => isExecutable(join(folder, program))));
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function install(tools) {
  const packages = tools.flatMap((name) => TOOLS[name].package.split(' '));
  const plural = packages.length > 1 ? 's' : '';
  const byHand = `the tests need ${tools.join(' and ')}; install the package${plural} with: sudo apt-get install ${packages.join(' ')}`;
  const prefix = rootPrefix();
  if (!existsSync('/etc/debian_version') || prefix === null) fail(byHand);

  process.stderr.write(`installing ${packages.join(', ')} for the tests\n`);
  const arguments_ = ['install', '-y', '--no-install-recommends', ...packages];
  // A fresh machine has no package lists, and an old one stale lists: both show as a failed installation.
  let result = aptGet(prefix, arguments_);
  if (result.status !== 0) {
    const update = aptGet(prefix, ['update']);
    if (update.status === 0) result = aptGet(prefix, arguments_);
  }
  if (result.status !== 0 || !tools.every(isInstalled)) {
    const reason = lastError(result);
    fail(`${byHand}${reason === '' ? '' : ` (tried it: ${reason})`}`);
  }
}

/** What a command needs in front of it to run as root; null when this user can't. */
function rootPrefix() {
  if (process.getuid?.() === 0) return [];
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? ['sudo', '-n'] : null;
}

function aptGet(prefix, arguments_) {
  const [command, ...rest] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...arguments_];
  return spawnSync(command, rest, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
}

function lastError(result) {
  if (result.error) return result.error.message;
  return (
    result.stderr
      .split('\n')
      .filter((line) => line.startsWith('E:'))
      .at(-1)
      ?.slice(2)
      .trim() ?? ''
  );
}

function fail(sentence) {
  process.stderr.write(`${sentence}\n`);
  process.exit(1);
}
