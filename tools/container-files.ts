/** Reads Dockerfile and docker-compose.yml for the tests that hold them against the project. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import yargs, { type CommandModule } from 'yargs';
import { agentCommand } from '../loadgen/cli/command-agent.ts';
import { runCommand } from '../loadgen/cli/command-run.ts';
import { serveCommand } from '../loadgen/cli/command-serve.ts';

export const ROOT = resolve(import.meta.dirname, '..');

export interface Instruction {
  /** `FROM`, `RUN`, … */
  name: string;
  /** The rest, on one line. */
  text: string;
}

export interface Stage {
  name: string;
  /** An image, or an earlier stage. */
  from: string;
  instructions: Instruction[];
}

/** The stages of the Dockerfile, in order; ARGs before the first FROM are filled in. */
export function readStages(): Stage[] {
  const text = readText('Dockerfile')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '');
  const defaults: Record<string, string> = {};
  const stages: Stage[] = [];
  for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
    const [, name, rest] = /^(\w+)\s+(.*)$/.exec(line) ?? [];
    if (name === undefined || rest === undefined) throw new Error(`the Dockerfile has a line ${line}`);
    const [from, , stage] = filled(rest, defaults).split(' ');
    if (name === 'FROM') stages.push({ name: stage ?? '', from: from!, instructions: [] });
    else if (stages.length === 0) defaults[rest.split('=')[0]!] = rest.split('=')[1]!;
    else stages.at(-1)!.instructions.push({ name, text: rest });
  }
  return stages;
}

/** What holds in a stage: its own instructions after those of the stages it is built on. */
export function inherited(stages: Stage[], name: string): Instruction[] {
  const stage = stages.find((each) => each.name === name);
  return stage === undefined ? [] : [...inherited(stages, stage.from), ...stage.instructions];
}

export interface Service {
  image: string;
  build?: { context: string; target: string };
  command?: string[];
  environment?: Record<string, string>;
  healthcheck?: { test?: string[]; disable?: boolean };
  depends_on?: Record<string, { condition: string }>;
  volumes?: string[];
  ports?: string[];
  networks?: string[];
  user?: string;
  privileged?: boolean;
  ulimits?: unknown;
  logging?: { options?: Record<string, string> };
  deploy?: { replicas?: number; resources?: { limits?: { cpus?: string; memory?: string } } };
}

export interface ComposeFile {
  name: string;
  services: Record<string, Service>;
  volumes: Record<string, unknown>;
  networks: Record<string, unknown>;
}

/** docker-compose.yml with its variables filled in. Throws what Compose would say of one that is required and empty. */
export function readCompose(environment: Record<string, string>): ComposeFile {
  const compose = parse(filled(readText('docker-compose.yml'), environment), { merge: true }) as ComposeFile;
  for (const { environment: variables = {} } of Object.values(compose.services))
    for (const [name, value] of Object.entries(variables)) variables[name] = String(value);
  return compose;
}

/** The variables of a file in the form of .env. */
export function readVariables(file: string): Record<string, string> {
  const lines = readText(file).matchAll(/^(\w+)=(.*)$/gm);
  return Object.fromEntries([...lines].map(([, name, value]) => [name!, value!]));
}

export function readText(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** `${NAME}`, `${NAME:-default}` and `${NAME:?what is missing}`. */
function filled(text: string, values: Record<string, string>): string {
  return text.replaceAll(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind?: string, word?: string) => {
    const value = values[name];
    if (value) return value;
    if (kind === '?') throw new Error(`required variable ${name} is missing a value: ${word}`);
    return word ?? '';
  });
}

const COMMANDS = [serveCommand, agentCommand, runCommand] as CommandModule[];

/**
 * What the command line makes of these words and PLIMSOLL_ variables, which stand for flags. Starts nothing.
 * Throws the parser's complaint about a command or flag that it does not have.
 */
export function parseCommand(words: string[], environment: Record<string, string> = {}): Record<string, unknown> {
  const variables = Object.entries(environment).filter(([name]) => name.startsWith('PLIMSOLL_'));
  const flags = variables.map(
    ([name, value]) => `--${name.slice('PLIMSOLL_'.length).toLowerCase().replaceAll('_', '-')}=${value}`,
  );
  return yargs()
    .command(COMMANDS.map((command) => ({ ...command, handler: () => {} })))
    .demandCommand(1)
    .strict()
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new Error(message);
    })
    .parseSync([...words, ...flags]);
}
