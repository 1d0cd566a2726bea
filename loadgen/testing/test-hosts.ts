/**
 * Other machines for tests: each is a network namespace behind a virtual cable to this machine, with a host name and, where
 * the kernel can, a monotonic clock of its own. Needs root on Linux.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';

export interface TestHost {
  name: string;
  /** How far its monotonic clock is ahead of this machine's, ms; 0 where the kernel has one clock for all. */
  clockAheadMs: number;
  /** What runs a command there: put in front of it. */
  prefix: string[];
}

const PREFIX = 'plimsoll';
/** RFC 2544 keeps these for tests of networks; several test processes on one machine stay apart. */
const ADDRESSES = `198.19.${process.pid % 256}`;

/** Null, or why it can't be done here. */
export function whyNoTestHosts(): string | null {
  if (process.platform !== 'linux') return 'network namespaces are a thing of Linux';
  const name = `${PREFIX}-${process.pid}-try`;
  const added = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (added.error) return 'the command ip is not installed';
  if (added.status !== 0) return `network namespaces are not allowed (${added.stderr.trim().split('\n').at(-1)})`;
  spawnSync('ip', ['netns', 'del', name]);
  return null;
}

export class TestHosts {
  readonly hosts: TestHost[] = [];

  /** Hosts of these names. What an earlier test process left behind is removed first. */
  constructor(names: string[]) {
    sweep();
    try {
      for (const [index, name] of names.entries()) this.#add(name, index);
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  /** This machine's address, for all of them. */
  get address(): string {
    return hostAddress(0, 1);
  }

  /** Pull its cable, or plug it in again. */
  setCable(host: TestHost, plugged: boolean): void {
    const index = this.hosts.indexOf(host);
    ip('-n', namespaceOf(index), 'link', 'set', 'eth0', plugged ? 'up' : 'down');
    if (plugged) ip('-n', namespaceOf(index), 'route', 'replace', 'default', 'via', hostAddress(index, 1));
  }

  remove(): void {
    this.hosts.forEach((_, index) => {
      spawnSync('ip', ['netns', 'del', namespaceOf(index)]);
    });
    this.hosts.length = 0;
  }

  #add(name: string, index: number): void {
    const namespace = namespaceOf(index);
    const cable = `plim${process.pid % 1_000_000}${index}`;
    const clockAheadMs = hasTimeNamespaces() ? (index + 1) * 100_000_000 : 0;
    const ownClock = clockAheadMs > 0 ? ['--time', '--monotonic', `${clockAheadMs / 1_000}`] : [];
    const rename = ['sh', '-c', 'echo "$0" > /proc/sys/kernel/hostname && exec "$@"', name];
    this.hosts.push({
      name,
      clockAheadMs,
      prefix: ['ip', 'netns', 'exec', namespace, 'unshare', '--uts', ...ownClock, ...rename],
    });
    ip('netns', 'add', namespace);
    ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
    ip('address', 'add', `${hostAddress(index, 1)}/30`, 'dev', cable);
    ip('link', 'set', cable, 'up');
    ip('-n', namespace, 'address', 'add', `${hostAddress(index, 2)}/30`, 'dev', 'eth0');
    for (const device of ['lo', 'eth0']) ip('-n', namespace, 'link', 'set', device, 'up');
    ip('-n', namespace, 'route', 'replace', 'default', 'via', hostAddress(index, 1));
  }
}

/** `end`: 1 is this machine's end of the cable, 2 the other. */
function hostAddress(index: number, end: 1 | 2): string {
  return `${ADDRESSES}.${index * 4 + end}`;
}

function namespaceOf(index: number): string {
  return `${PREFIX}-${process.pid}-${index}`;
}

function hasTimeNamespaces(): boolean {
  return spawnSync('unshare', ['--time', '--monotonic', '1', 'true']).status === 0;
}

function ip(...words: string[]): void {
  const { status, stderr, error } = spawnSync('ip', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${words.join(' ')}: ${error?.message ?? stderr.trim()}`);
}

/** Namespaces of test processes that were killed. A cable goes with its namespace. */
function sweep(): void {
  const { stdout } = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' });
  for (const [namespace, pid] of stdout.matchAll(new RegExp(`^${PREFIX}-(\\d+)-\\w+`, 'gm'))) {
    if (!readdirSync('/proc').includes(pid!)) spawnSync('ip', ['netns', 'del', namespace]);
  }
}
