/** Flags that mean the same in every command. */
import type { Options } from 'yargs';
import { closestName } from '../closest-name.ts';
import { parseMetricsPlace } from '../exposition/metrics-server.ts';
import { parseBytes, parseCount, parseDuration, parseNumber } from '../units.ts';
import { UsageError } from './exit-codes.ts';

const PREFIX = 'PLIMSOLL_';

/** Of the environment, that are read: one for each flag, and what needs no flag. */
const VARIABLES = new Set([
  'PLIMSOLL_DEBUG',
  'PLIMSOLL_RESULTS_CA',
  'PLIMSOLL_RESULTS_RETENTION',
  'PLIMSOLL_VAPID_PUBLIC_KEY',
  'PLIMSOLL_VAPID_PRIVATE_KEY',
]);

/**
 * Settings of the environment stand between a scenario and the flags: PLIMSOLL_RESULTS gives --results where the flag is not
 * given. (yargs' own env() would refuse in one command what is meant for another.) What is no number is said, as it was
 * written, when a command that has the flag reads it.
 */
export function withEnvironment<Flags extends Record<string, Options>>(flags: Flags): Flags {
  const entries = Object.entries(flags).map(([name, options]) => {
    const variable = variableOf(name);
    VARIABLES.add(variable);
    const written = process.env[variable] || undefined;
    const reader = options.type === 'number' ? numberReader(name, written) : {};
    if (written === undefined) return [name, { ...options, ...reader }];
    // --help shows where it is from, not what it is: it may be a secret.
    const fromEnvironment = { default: readEnvironment(written, options), defaultDescription: variable };
    return [name, { ...options, ...reader, ...fromEnvironment }];
  });
  return Object.fromEntries(entries) as Flags;
}

/** A sentence for each variable that looks like a slip of the keyboard; others may be anybody's. */
export function environmentSlips(environment: NodeJS.ProcessEnv): string[] {
  const known = [...VARIABLES].map((variable) => variable.slice(PREFIX.length));
  return Object.keys(environment).flatMap((variable) => {
    if (!variable.startsWith(PREFIX) || VARIABLES.has(variable)) return [];
    const meant = closestName(variable.slice(PREFIX.length), known);
    return meant === undefined ? [] : [`${variable} is not read; did you mean ${PREFIX}${meant}?`];
  });
}

function variableOf(flag: string): string {
  return `${PREFIX}${flag.toUpperCase().replaceAll('-', '_')}`;
}

function readEnvironment(written: string, options: Options): unknown {
  if (options.array) return written.split(',');
  return options.type === 'boolean' ? written !== 'false' && written !== '0' : written;
}

/** yargs would make NaN of what is no number; `string` keeps it as it was written. */
function numberReader(flag: string, fromEnvironment: string | undefined): Options {
  return {
    string: true,
    coerce(written: string | number | undefined) {
      if (written === undefined || typeof written === 'number') return written;
      const value = written.trim() === '' ? Number.NaN : Number(written);
      if (!Number.isNaN(value)) return value;
      const where = written === fromEnvironment ? variableOf(flag) : `--${flag}`;
      throw new UsageError(`${where} must be a number, not "${written}"`);
    },
  };
}

export const FLAGS = withEnvironment({
  target: { alias: 't', type: 'string', describe: 'an existing server, ws://host:port (default: start a node here)' },
  connections: { alias: 'c', type: 'string', describe: 'connections to open, e.g. 50k' },
  duration: { alias: 'd', type: 'string', describe: 'length of the steady phase, e.g. 1m30s' },
  rate: { alias: 'R', type: 'string', describe: 'messages per second' },
  agents: { alias: 'a', type: 'number', describe: 'agent processes (default: from cores and descriptor limits)' },
  control: {
    type: 'string',
    describe: 'NATS server where agents wait: nats://host:4222; with user and password better in PLIMSOLL_CONTROL',
  },
  shards: { alias: 's', type: 'number', describe: 'server processes (default: from cores and descriptor limits)' },
  results: {
    type: 'string',
    default: 'chdb:.plimsoll/results',
    describe: 'where results are kept: chdb:<dir> or http(s)://user:pass@host:8123/db',
  },
  'spool-limit': {
    type: 'string',
    default: '1GiB',
    describe: 'disk that rows of a run may take while the results store is away',
  },
  store: { type: 'string', describe: 'message store of the node: level:<dir> or memory:' },
  data: { type: 'string', describe: 'data directory of the node; short for --store level:<dir>' },
  durability: { choices: ['fsync', 'os', 'none'], describe: 'what “sent” promises (default fsync)' },
  driver: {
    type: 'string',
    describe: 'target driver: reference (default), long-poll, json-websocket:<file>, or a module of your own',
  },
  seed: { type: 'number', describe: 'repeat a run’s schedule' },
  name: { type: 'string', describe: 'name of the run' },
  tag: { type: 'string', array: true, default: [] as string[], describe: 'k=v, may be repeated' },
  html: { type: 'string', describe: 'write the HTML report here; - for standard output' },
  'summary-json': { type: 'string', describe: 'write the summary as JSON here; - for standard output' },
  markdown: { type: 'string', describe: 'write the summary as Markdown here; - for standard output' },
  junit: { type: 'string', describe: 'write JUnit XML for a CI system here; - for standard output' },
  hlog: { type: 'string', describe: 'write the latencies as an HdrHistogram log here; - for standard output' },
  csv: { type: 'string', describe: 'write all figures, second by second, as CSV here; - for standard output' },
  metrics: {
    type: 'string',
    describe: 'answer Prometheus at http://<host:port>/metrics; a port alone: this machine only (default: off)',
  },
  quiet: { alias: 'q', type: 'boolean', default: false, describe: 'no progress' },
  color: { type: 'boolean', default: true, describe: 'colours (--no-color for none)' },
  thresholds: { type: 'boolean', default: true, describe: 'judge thresholds (--no-thresholds: measure only)' },
  json: { type: 'boolean', default: false, describe: 'print the machine form' },
  'auth-secret': { type: 'string', describe: 'secret that tokens are signed with; better in PLIMSOLL_AUTH_SECRET' },
} as const satisfies Record<string, Options>);

/** Reads a flag with its own parser; the error names the flag. Undefined stays undefined. */
function read<Value>(flag: string, written: string | undefined, parse: (written: string) => Value): Value | undefined {
  if (written === undefined) return undefined;
  try {
    return parse(written);
  } catch (error) {
    throw new UsageError(`--${flag}: ${(error as Error).message}`, { cause: error });
  }
}

export const readMetricsPlace = (written: string | undefined) => read('metrics', written, parseMetricsPlace);
export const readCount = (flag: string, written: string | undefined) => read(flag, written, parseCount);
export const readBytes = (flag: string, written: string | undefined) => read(flag, written, parseBytes);
export const readRate = (flag: string, written: string | undefined) => read(flag, written, parseNumber);
export const readDuration = (flag: string, written: string | undefined) => read(flag, written, parseDuration);

export function readWhole(flag: string, value: number | undefined, least: number, most: number): number | undefined {
  if (value === undefined) return undefined;
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`--${flag} must be a whole number from ${least} to ${most}, not ${value}`);
}

export function readTags(tags: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    tags.map((tag) => {
      const at = tag.indexOf('=');
      if (at < 1) throw new UsageError(`--tag must be written k=v, not "${tag}"`);
      return [tag.slice(0, at), tag.slice(at + 1)];
    }),
  );
}

export function readTarget(target: string | undefined): string | null {
  if (target === undefined) return null;
  const url = URL.canParse(target) ? new URL(target) : null;
  if (url === null || url.protocol !== 'ws:' || url.hostname === '' || url.port === '') {
    throw new UsageError(`--target must be written ws://host:port, not "${target}"`);
  }
  return `ws://${url.host}`;
}

/** Colour only where a person looks. */
export function wantsColour(color: boolean, stream: NodeJS.WriteStream): boolean {
  return color && stream.isTTY === true && !process.env.NO_COLOR;
}
